"""A Zammad: what its triggers post, and its REST API, strict about method, path, token and body."""

import json
from collections.abc import Mapping
from typing import Any

from tests.vendor import Vendor

ACCESS = {"token": "access-token", "user_id": "900", "group_id": "3"}
TICKET = 81


def article(number: int, body: str | None, sender: str = "Customer", author: int = 8, **changed: Any) -> dict[str, Any]:
    """What a trigger posts of a ticket's article; `changed` goes to the ticket where it has such a field."""
    ticket = {"id": TICKET, "number": "10081", "title": "Card", "article_count": 2, "owner_id": 1, "state": "open"}
    written = {
        "id": number,
        "ticket_id": TICKET,
        "sender": sender,
        "type": "web",
        "internal": False,
        "body": body,
        "content_type": "text/html",
        "created_by_id": author,
    }
    for name, value in changed.items():
        (ticket if name in ticket else written)[name] = value
    return {"ticket": ticket, "article": written}


class Zammad(Vendor):
    """Keeps what was done: (what, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Zammad takes."""
        if headers.get("authorization") != f"Token token={ACCESS['token']}":
            return 401, "the token is no user's"
        body = json.loads(content)
        wanted = _wanted(method, path, body)
        if wanted is None:
            return 404, f"no {method} {path}"
        if {name: type(value) for name, value in body.items()} != wanted:
            return 422, f"{path} of {body}"
        return 200, (path.removeprefix("/api/v1/"), body)


def _wanted(method: str, path: str, body: dict[str, Any]) -> dict[str, type] | None:
    """Return the fields that a request of this path takes, None if there is no such path."""
    match method, path:
        case "POST", "/api/v1/ticket_articles" if body.get("type") == "note" and body.get("ticket_id") == TICKET:
            return {"ticket_id": int, "type": str, "internal": bool, "body": str, "content_type": str}
        case "POST", "/api/v1/tags/add" if body.get("object") == "Ticket" and body.get("o_id") == TICKET:
            return {"item": str, "object": str, "o_id": int}
        case "PUT", "/api/v1/tickets/81":
            return {"owner_id": int, "state": str, "group_id": int}
    return None
