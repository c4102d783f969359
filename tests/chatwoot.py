"""A Chatwoot: what it posts to a bot, and its HTTP API for bots, strict about method, path, token and body."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.vendor import Vendor

ACCOUNT, TOKEN, SECRET = 3, "bot-token", "chatwoot-secret"
PATH = re.compile(rf"^/api/v1/accounts/{ACCOUNT}/conversations/(\d+)/(messages|toggle_status)$")
MESSAGE = {"content": str, "message_type": str, "private": bool, "content_type": str, "content_attributes": dict}


def message(number: int, content: str | None, conversation: int = 13098, **changed: Any) -> dict[str, Any]:
    """A contact's message as an agent bot is sent it: as in real captures, its sender has no type."""
    status = changed.pop("status", "pending")
    return {
        "event": "message_created",
        "id": number,
        "content": content,
        "content_type": "text",
        "message_type": "incoming",
        "private": False,
        "account": {"id": ACCOUNT, "name": "Example Co"},
        "inbox": {"id": 58, "name": "Website"},
        "sender": {"id": 52870, "name": "solitary-forest-213", "email": None},
        "conversation": {
            "id": conversation,
            "status": status,
            "messages": [{"id": number, "content": content, "message_type": 0, "conversation_id": conversation}],
            "meta": {"assignee": None},
        },
        **changed,
    }


def signed(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-chatwoot-delivery": hashlib.sha256(body).hexdigest()[:36],
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={digest}",
    }


class Chatwoot(Vendor):
    """Keeps what the bot did: (conversation, what, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Chatwoot takes."""
        found = PATH.match(path)
        if headers.get("api_access_token") != TOKEN:
            return 401, "the token is not the bot's"
        if found is None or method != "POST":
            return 404, f"a bot has no {method} {path}"
        body = json.loads(content)
        trouble = _message_trouble(body) if found[2] == "messages" else _status_trouble(body)
        return (422, trouble) if trouble else (200, (found[1], found[2], body))


def _message_trouble(body: dict[str, Any]) -> str | None:
    if {name: type(value) for name, value in body.items()} != MESSAGE:
        return f"a message of {sorted(body)}"
    return None if body["message_type"] == "outgoing" and body["content"] else "no message of a bot"


def _status_trouble(body: dict[str, Any]) -> str | None:
    return None if body in ({"status": "open"}, {"status": "pending"}) else f"no status: {body}"
