"""An Intercom: what it notifies of, and its REST API, strict about method, path, token, version and body."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.vendor import Vendor

ACCESS = {"token": "access-token", "user_id": "900", "team_id": "55"}
PATH = re.compile(r"^/conversations/(\d+)/(reply|parts)$")


def notification(number: int, topic: str, ticket: str = "524", **item: Any) -> dict[str, Any]:
    """A notification about a conversation."""
    conversation = {
        "type": "conversation",
        "id": ticket,
        "admin_assignee_id": None,
        "team_assignee_id": None,
        "state": "open",
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [], "total_count": 0},
        **item,
    }
    return {
        "type": "notification_event",
        "app_id": "abc12345",
        "id": f"notif_{number}",
        "topic": topic,
        "data": {"type": "notification_event_data", "item": conversation},
        "delivery_attempts": 1,
    }


def created(number: int, body: str | None, **item: Any) -> dict[str, Any]:
    """A customer's first words."""
    source = {"type": "conversation", "id": "4", "subject": "", "body": body, "author": {"type": "user", "id": "67a"}}
    return notification(number, "conversation.user.created", **{"source": source, **item})


def replied(number: int, body: str | None, by: str = "user", author: str = "67a", **item: Any) -> dict[str, Any]:
    """A reply: a customer's, a teammate's (`by` admin) or a bot's."""
    part = {"part_type": "comment", "id": str(number), "body": body, "author": {"type": by, "id": author}}
    topic = "conversation.user.replied" if by in ("user", "lead", "contact") else "conversation.admin.replied"
    return notification(number, topic, **{"conversation_parts": {"conversation_parts": [part]}, **item})


class Intercom(Vendor):
    """Keeps what the teammate did: (conversation, message type, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Intercom takes."""
        found = PATH.match(path)
        if headers.get("authorization") != f"Bearer {ACCESS['token']}":
            return 401, "the token is not the app's"
        if headers.get("intercom-version") != "2.15":
            return 400, "no version of the API"
        if found is None or method != "POST":
            return 404, f"no {method} {path}"
        body = json.loads(content)
        trouble = _trouble(found[2], body)
        return (422, trouble) if trouble else (200, (found[1], body["message_type"], body))


def _trouble(what: str, body: dict[str, Any]) -> str | None:
    """Return what a request has that the API does not know."""
    known = {"message_type", "type", "admin_id", "body" if what == "reply" else "assignee_id"}
    if set(body) != known or not all(isinstance(value, str) and value for value in body.values()):
        return f"{what} of {sorted(body)}"
    kinds = ("comment", "note") if what == "reply" else ("assignment",)
    if body["message_type"] not in kinds or body["admin_id"] != ACCESS["user_id"]:
        return "another message or teammate"
    return None if body["type"] in (("admin",) if what == "reply" else ("admin", "team")) else "no type"
