"""What a process needs to take turns, opened once by whoever starts it."""

from dataclasses import dataclass

import torch

from agent.database import Database
from agent.jobs import Jobs
from agent.releases import Releases, read_artefact
from agent.settings import Settings
from skills.backbone import ROWS_AT_ONCE, Backbone
from skills.batching import Batcher, Reader
from skills.loading import load_backbone
from skills.store import Store
from skills.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Office:
    """Database, backbone, the reader in front of it, live prompts and nudges of one process."""

    database: Database
    backbone: Backbone
    reader: Reader
    releases: Releases
    jobs: Jobs


def open_office(settings: Settings, shared: bool = False) -> Office:
    """Open a process's office: connect, load the backbone, load no desk yet.

    `shared`: many threads will take turns here, so as many lanes as there are cores read for all.
    """
    cores = settings.torch_threads or torch.get_num_threads()
    torch.set_num_threads(1 if shared else cores)
    settings.data.mkdir(parents=True, exist_ok=True)
    jobs = Jobs(settings.redis_url)
    database = Database(settings.database, pool=settings.threads + 4, nudge=jobs.nudge_soon)
    backbone = load_backbone(settings.backbone, settings.precision, settings.device)
    store = Store(settings.data / "prompts", backbone, lambda digest: read_artefact(database, digest))
    vectors = Vectors(settings.data / "vectors", backbone, shared)
    releases = Releases(database, backbone, store, vectors)
    return Office(database, backbone, _shared(backbone, cores) if shared else backbone, releases, jobs)


def _shared(backbone: Backbone, cores: int) -> Batcher:
    """Return what many threads read through: a lane a core, or one for a GPU, which likes many rows at once."""
    on_gpu = backbone.device.type == "cuda"
    return Batcher(backbone, lanes=1, share=ROWS_AT_ONCE) if on_gpu else Batcher(backbone, lanes=cores)


def close_office(office: Office) -> None:
    """Close what `open_office` opened."""
    if isinstance(office.reader, Batcher):
        office.reader.close()
    office.jobs.close()
    office.database.close()
