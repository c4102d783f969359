"""What live prompts take in memory, against what is stored of them and against fine-tuned copies of the backbone.

    python bench/memory.py [--quick] [--json]

The demo desk's four prompts are loaded again and again, as the prompts of as many desks: each through the checks that
every prompt goes through, into the cache that turns read from. Memory is what the process holds by itself: its
resident set without mapped files.
"""

import gc
import io
import tempfile
import zipfile
from pathlib import Path

from figures import Figure, show
from safetensors.torch import load as load_tensors
from served import load_served

from agent.demo_desk import shipped
from skills.backbone import Backbone
from skills.checkpoint import HEAD, PREFIX
from skills.live import Live
from skills.prompt import SoftPrompt
from skills.store import Store

NAMES = ("router", "classification", "sentiment", "faq")
DESKS, QUICK_DESKS = 1000, 200
MIB, GIB = 1024**2, 1024**3


def stored_bytes(content: bytes) -> tuple[int, int]:
    """Return the bytes of a stored prompt's own tensors: of its prefix, of its head."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [load_tensors(archive.read(name)) for name in (PREFIX, HEAD)]
    prefix, head = (sum(tensor.nbytes for tensor in tensors.values()) for tensors in files)
    return prefix, head


def resident() -> int:
    """Return the bytes that this process holds."""
    gc.collect()
    fields = Path("/proc/self/status").read_text(encoding="utf-8").split("RssAnon:")[1].split()
    return int(fields[0]) * 1024


def measure(quick: bool) -> list[Figure]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder), QUICK_DESKS if quick else DESKS)


def _measure(folder: Path, desks: int) -> list[Figure]:
    backbone = load_served()
    records = {entry["digest"]: content for entry, content in map(shipped, NAMES)}
    store = Store(folder, backbone, records.__getitem__)

    def load(desk_id: str) -> tuple[SoftPrompt, ...]:
        del desk_id
        return tuple(map(store.load, records))

    sizes = [stored_bytes(content) for content in records.values()]
    live = Live(load, desks)
    load("warm")  # what the first of all needs (parsers, compiled checks) is not the prompts'
    before = resident()
    for number in range(desks):
        live.snapshot(f"desk{number}")
    grown = resident() - before
    for number in range(desks // 2):
        live.snapshot(f"another{number}")
    bounded = (resident() - before) / grown
    return [
        against_copies(backbone, grown / (desks * len(NAMES))),
        against_record(desks, grown, sizes),
        Figure(
            "  half as many desks again / memory before them", bounded, "at most", 1.1, note=f"{desks} desks are kept"
        ),
    ]


def against_copies(backbone: Backbone, prompt: float) -> Figure:
    """Return what a hundred skills take beside one backbone, against a hundred copies of it (computed from one)."""
    copy = sum(tensor.nbytes for tensor in backbone.encoder.tensors().values())
    ours, theirs = copy + 100 * prompt, 100 * copy
    note = f"{ours / MIB:.0f} against {theirs / MIB:.0f} MiB ({backbone.dtype})".replace("torch.", "")
    return Figure("100 skills live / 100 fine-tuned copies", ours / theirs, "at most", 1 / 30, note=note)


def against_record(desks: int, grown: int, sizes: list[tuple[int, int]]) -> Figure:
    """Return what live prompts take against the tensors that are stored of them."""
    stored = desks * sum(prefix + head for prefix, head in sizes)
    each = ", ".join(f"{name} {prefix:,} + {head:,}" for name, (prefix, head) in zip(NAMES, sizes, strict=True))
    note = f"{grown / GIB:.3f} against {stored / GIB:.3f} GiB; bytes of prefix + head: {each}"
    return Figure(
        f"{desks * len(NAMES):,} prompts live / their stored tensors", grown / stored, "at most", 1.1, note=note
    )


if __name__ == "__main__":
    show(__doc__, measure)
