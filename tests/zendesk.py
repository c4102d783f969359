"""A Zendesk: what its webhooks post, and its ticket API, strict about method, path, user and body."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.vendor import Vendor

SECRET = "zendesk-secret"
ACCESS = {"email": "bot@shop.example", "token": "api-token", "user_id": "900"}
USER = "Basic " + base64.b64encode(b"bot@shop.example/token:api-token").decode()
PATH = re.compile(r"^/api/v2/tickets/(\d+)\.json$")
STATUSES = ("open", "pending", "hold", "solved")


def comment(
    number: int, body: str, ticket: str = "5158", staff: str | None = None, public: bool = True
) -> dict[str, Any]:
    """An event: a customer's comment, or that of an agent with this number."""
    author = {"id": staff or "84", "is_staff": staff is not None, "name": "Jane"}
    return {
        "type": "zen:event-type:ticket.comment_added",
        "id": f"evt-{number}",
        "account_id": 22129848,
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{ticket}",
        "detail": {"id": ticket, "subject": "Login", "status": "OPEN", "requester_id": "84", "submitter_id": "84"},
        "event": {"comment": {"id": str(number), "body": body, "is_public": public, "author": author}},
    }


def signed(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
    }


class Zendesk(Vendor):
    """Keeps every change of a ticket: (ticket, change)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Zendesk takes."""
        found = PATH.match(path)
        if headers.get("authorization") != USER:
            return 401, "not the API user"
        if found is None or method != "PUT":
            return 404, f"no {method} {path}"
        body = json.loads(content)
        trouble = _trouble(body)
        return (422, trouble) if trouble else (200, (found[1], body["ticket"]))


def _trouble(body: dict[str, Any]) -> str | None:
    """Return what a ticket's change has that the API does not know."""
    if set(body) != {"ticket"} or not body["ticket"]:
        return f"no ticket: {sorted(body)}"
    change = body["ticket"]
    if unknown := set(change) - {"comment", "status", "additional_tags"}:
        return f"unknown {sorted(unknown)}"
    said = change.get("comment")
    if said is not None and {name: type(value) for name, value in said.items()} != {
        "body": str,
        "public": bool,
        "author_id": int,
    }:
        return "no comment"
    return None if change.get("status", "open") in STATUSES else "no status"
