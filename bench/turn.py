"""A turn of the demo desk over HTTP against one bare backbone forward of the same text, in one run.

Start an installation with `make run`, then: python bench/turn.py [MESSAGES]
"""

import statistics
import sys
import time
from collections.abc import Callable

import httpx

from agent import demo
from frostdesk.keyfile import find_access
from skills.backbone import Backbone, Row
from skills.loading import load_backbone

MESSAGES, WARM_UP = 100, 10


def timed(work: Callable[[], object]) -> float:
    """Return milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def bare(backbone: Backbone, text: str) -> object:
    """Read one text without any prompt."""
    return backbone.forward([Row(tokens) for tokens in backbone.tokenize([text])])


def post(client: httpx.Client, text: str) -> None:
    """Take one turn."""
    client.post("/v1/chat", json={"message": text}).raise_for_status()


def main(count: int) -> None:
    """Print both medians and their ratio; each message is timed both ways, one straight after the other."""
    access, backbone = find_access(), load_backbone()
    texts = [row["text"] for row in demo.read("gate.jsonl")][: count + WARM_UP]
    headers = {"authorization": f"Bearer {access.key}"}
    with httpx.Client(base_url=access.url, headers=headers, timeout=60, trust_env=False) as client:
        pairs = [(timed(lambda t=text: post(client, t)), timed(lambda t=text: bare(backbone, t))) for text in texts]
    turns, forwards = zip(*pairs[WARM_UP:], strict=True)
    dtype = str(backbone.dtype).removeprefix("torch.")
    ratio = statistics.median(turns) / statistics.median(forwards)
    print(f"{len(turns)} messages, {dtype}")
    print(f"turn over HTTP          {statistics.median(turns):6.1f} ms median")
    print(f"one bare forward        {statistics.median(forwards):6.1f} ms median")
    print(f"ratio                   {ratio:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
