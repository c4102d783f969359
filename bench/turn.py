"""A visitor's turn on the demo desk over HTTP against one bare backbone forward of the same text, in one run.

Start an installation with `make run`, then: python bench/turn.py [MESSAGES]
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

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


def call(server: HTTPConnection, path: str, bearer: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Call the server over its open connection, with as little work on this side as can be."""
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    server.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = server.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{path} answered {answer.status}: {content.decode()}")
    return json.loads(content)


def main(count: int) -> None:
    """Print both medians and their ratio; each message is timed both ways, one straight after the other."""
    access, backbone = find_access(), load_backbone()
    server = HTTPConnection(str(urlsplit(access.url).hostname), urlsplit(access.url).port, timeout=60)
    site_key = call(server, "/v1/admin/desks", access.key)[0]["site_key"]
    pairs = []
    for row in demo.read("gate.jsonl")[: count + WARM_UP]:
        text = row["text"]
        token = call(server, "/v1/chat/session", "", {"site_key": site_key})["token"]
        turn = timed(lambda t=text, k=token: call(server, "/v1/chat", k, {"message": t}))
        pairs.append((turn, timed(lambda t=text: bare(backbone, t))))
    turns, forwards = zip(*pairs[WARM_UP:], strict=True)
    dtype = str(backbone.dtype).removeprefix("torch.")
    ratio = statistics.median(turns) / statistics.median(forwards)
    print(f"{len(turns)} messages, {dtype}")
    print(f"turn over HTTP          {statistics.median(turns):6.1f} ms median")
    print(f"one bare forward        {statistics.median(forwards):6.1f} ms median")
    print(f"ratio                   {ratio:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
