"""What a process needs to take turns, opened once by whoever starts it."""

from dataclasses import dataclass

import torch

from agent.database import Database
from agent.jobs import Jobs
from agent.releases import Releases, read_artefact
from agent.settings import Settings
from skills.backbone import Backbone
from skills.batching import Batcher, Reader
from skills.loading import load_backbone
from skills.store import Store


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
    backbone = load_backbone(settings.backbone, settings.precision)
    store = Store(settings.data / "prompts", backbone, lambda digest: read_artefact(database, digest))
    releases = Releases(database, backbone, store)
    reader = Batcher(backbone, lanes=cores) if shared else backbone
    return Office(database, backbone, reader, releases, jobs)


def close_office(office: Office) -> None:
    """Close what `open_office` opened."""
    if isinstance(office.reader, Batcher):
        office.reader.close()
    office.jobs.close()
    office.database.close()
