"""A Front: what its webhooks post, signed, and its Core API, strict about method, path, token and body."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.vendor import Vendor

ACCESS = {"token": "api-token", "user_id": "tea_900", "inbox_id": "inb_55"}
PATH = re.compile(r"^/conversations/(cnv_[0-9a-z]+)(|/messages|/comments)$")
WANTED: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/messages"): {"author_id": str, "body": str, "text": str, "options": dict},
    ("POST", "/comments"): {"author_id": str, "body": str},
    ("PATCH", ""): {"assignee_id": type(None), "status": str, "inbox_id": str},
}


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers of an app's webhook."""
    stamp = str(int(at.timestamp() * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}:".encode() + body, hashlib.sha256).digest()
    return {"x-front-request-timestamp": stamp, "x-front-signature": base64.b64encode(digest).decode()}


def rule_signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a rule's webhook."""
    digest = hmac.new(secret.encode(), body, hashlib.sha1).digest()
    return {"x-front-signature": base64.b64encode(digest).decode()}


def event(number: int, kind: str, target: object, assignee: str | None = None) -> dict[str, Any]:
    """What happened in the conversation, as the API says it and a rule's webhook posts it."""
    conversation = {
        "id": "cnv_1",
        "subject": "Card",
        "status": "assigned" if assignee else "unassigned",
        "assignee": {"id": assignee, "username": "sam"} if assignee else None,
        "created_at": 1694046470.978,
    }
    return {
        "id": f"evt_{number}",
        "type": kind,
        "emitted_at": 1694046470.93,
        "conversation": conversation,
        "source": {"_meta": {"type": "inboxes"}, "data": [{"id": "inb_1"}]},
        "target": {"_meta": {"type": "message"}, "data": target},
    }


def message(text: str | None, author: str | None = None, *, inbound: bool = True, **changed: Any) -> dict[str, Any]:
    """A message, by default a later one of a customer's."""
    return {
        "id": "msg_1",
        "type": "email",
        "is_inbound": inbound,
        "created_at": 1694050000.5,
        "blurb": text,
        "body": text,
        "text": text,
        "subject": "Card",
        "author": {"id": author, "username": "sam"} if author else None,
        **changed,
    }


def framed(happened: dict[str, Any], kind: str = "inbound_received") -> dict[str, Any]:
    """What an app's webhook posts."""
    return {"type": kind, "authorization": {"id": "cmp_1"}, "payload": happened}


def heard(number: int, text: str | None, assignee: str | None = None, **changed: Any) -> dict[str, Any]:
    """A customer's message, as an app's webhook posts it."""
    return framed(event(number, "inbound", message(text, **changed), assignee))


def replied(number: int, text: str, author: str | None) -> dict[str, Any]:
    """A teammate's reply, or a rule's, as an app's webhook posts it."""
    return framed(event(number, "out_reply", message(text, author, inbound=False)), "outbound_sent")


class Front(Vendor):
    """Keeps what the teammate did: (conversation, path below it, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Front takes."""
        found = PATH.match(path)
        if headers.get("authorization") != f"Bearer {ACCESS['token']}":
            return 401, "the token is not the company's"
        wanted = WANTED.get((method, found[2])) if found else None
        if found is None or wanted is None:
            return 404, f"no {method} {path}"
        body = json.loads(content)
        if {name: type(value) for name, value in body.items()} != wanted:
            return 400, f"{path} of {body}"
        if body.get("author_id", ACCESS["user_id"]) != ACCESS["user_id"]:
            return 403, "another teammate"
        return 200, (found[1], found[2], body)
