"""A Freshdesk: what its rules post with our template, and its ticket API, strict about method, path, key and body."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.vendor import Vendor

ACCESS = {"token": "api-key", "group_id": "45"}
USER = "Basic " + base64.b64encode(b"api-key:X").decode()
GUIDE = Path(__file__).parents[1] / "docs/channels/freshdesk.md"
PATH = re.compile(r"^/api/v2/tickets/(\d+)(|/reply|/notes)$")
WANTED: dict[tuple[str, str], dict[str, type]] = {
    ("POST", "/reply"): {"body": str},
    ("POST", "/notes"): {"body": str, "private": bool},
    ("PUT", ""): {"status": int, "group_id": int},
}


def posted(by: str, comment: str, **placeholders: str) -> dict[str, Any]:
    """What a rule posts: the guide's template for customers or agents, filled in as Freshdesk does."""
    known = {
        "ticket.id": "5158",
        "ticket.subject": "Card",
        "ticket.description": "<div>It is lost</div>",
        "ticket.latest_public_comment": comment,
        "ticket.requester.name": "Jane",
        **placeholders,
    }
    written = re.findall(r"```json\n(.*?)\n```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    [template] = [body for body in map(json.loads, written) if body["by"] == by]
    filled = {name: re.sub(r"\{\{(.+?)\}\}", lambda found: known[found[1]], text) for name, text in template.items()}
    return dict(filled)


class Freshdesk(Vendor):
    """Keeps what the agent did: (ticket, path below it, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Freshdesk takes."""
        found = PATH.match(path)
        if headers.get("authorization") != USER:
            return 401, "the key is no agent's"
        wanted = WANTED.get((method, found[2])) if found else None
        if found is None or wanted is None:
            return 404, f"no {method} {path}"
        body = json.loads(content)
        if {name: type(value) for name, value in body.items()} != wanted:
            return 400, f"{path} of {body}"
        return 200, (found[1], found[2], body)
