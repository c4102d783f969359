"""A visitor's turn over HTTP against one bare forward of the same text, in one run.

    python bench/turn.py [--quick] [--json]

An API process with the demo desk (four skills), an embedded database and a queue server; one visitor, one message a
conversation, the widget's endpoint. Both runtimes read the same texts bare, in this process: transformers and our own.
"""

import json
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from figures import Figure, paired, show
from forwards import bare_reader
from processes import installed
from served import load_served

from agent import demo
from skills.backbone import Row
from skills.peft_prefix import load_for_training

MESSAGES, QUICK_MESSAGES, WARM_UP = 200, 40, 10
MEDIAN, SLOWEST = 2.5, 6.0


def timed(work: Callable[[], object]) -> float:
    """Return milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def call(server: HTTPConnection, path: str, bearer: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Call the server over its open connection, with as little work on this side as can be."""
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    server.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = server.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{path} answered {answer.status}: {content.decode()}")
    return json.loads(content)


def measure(quick: bool) -> list[Figure]:
    """Return the ratios of the medians' pairs, and of the slowest turns to the median forward."""
    backbone = load_served()
    encoder = load_for_training(backbone)
    count = QUICK_MESSAGES if quick else MESSAGES
    texts = [row["text"] for row in demo.read("gate.jsonl")[: count + WARM_UP]]
    rows: list[tuple[float, float, float]] = []
    with installed(postgres=False) as house:
        server = HTTPConnection("127.0.0.1", house.start_api("api"), timeout=60)
        for text, tokens in zip(texts, backbone.tokenize(texts), strict=True):
            token = call(server, "/v1/chat/session", "", {"site_key": house.site_key})["token"]
            turn = timed(lambda t=text, k=token: call(server, "/v1/chat", k, {"message": t}))
            rows.append(
                (turn, timed(bare_reader(encoder, [tokens])), timed(lambda t=tokens: backbone.forward([Row(t)])))
            )
    turns, theirs, own = zip(*rows[WARM_UP:], strict=True)
    slow = sorted(turns)[count * 99 // 100]
    last = f"{slow:.0f} ms against a median of {statistics.median(theirs):.1f}"
    return [
        paired("a turn over HTTP: one bare forward, transformers", turns, theirs, "at most", MEDIAN),
        Figure("  99th percentile: median forward", slow / statistics.median(theirs), "at most", SLOWEST, note=last),
        paired("a turn over HTTP: one bare forward, our own", turns, own, "at most", None),
    ]


if __name__ == "__main__":
    show(__doc__, measure)
