"""A HubSpot: what its webhooks post, and its conversations API, strict about method, path, token and body."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.vendor import Vendor

ACCESS = {"token": "pat-na1-token", "user_id": "900"}
THREAD = 7001
CHAT = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "0a1b2c"}
MAIL = {"type": "HS_EMAIL_ADDRESS", "value": "mia@shop.example"}
PATH = re.compile(r"^/conversations/v3/conversations/threads/(\d+)(/messages(?:/(\w+))?)?$")
COMMENT = {"type", "text", "richText"}


def event(number: int, thread: int = THREAD, **changed: Any) -> dict[str, Any]:
    """One of the events that a request holds: a new message, unless it is changed."""
    return {
        "objectId": thread,
        "messageId": f"m{number}",
        "messageType": "MESSAGE",
        "changeFlag": "NEW_MESSAGE",
        "eventId": 1000 + number,
        "portalId": 33,
        "appId": 77,
        "occurredAt": 1_700_000_000_000 + number,
        "subscriptionType": "conversation.newMessage",
        "attemptNumber": 0,
        **changed,
    }


def assigned(number: int, user: str | None) -> dict[str, Any]:
    """An event of a thread that is somebody else's now."""
    changed = {"subscriptionType": "conversation.propertyChange", "propertyName": "assignedTo", "propertyValue": user}
    return {name: value for name, value in event(number, **changed).items() if not name.startswith("message")}


def message(number: int, text: str | None, actor: str = "V-41", **changed: Any) -> dict[str, Any]:
    """A message of a thread as the API shows it; a user's (`A-`), an app's or a bot's goes out."""
    return {
        "id": f"m{number}",
        "conversationsThreadId": str(THREAD),
        "createdAt": "2026-03-14T02:20:32.440Z",
        "createdBy": actor,
        "client": {"clientType": "HUBSPOT"},
        "senders": [{"actorId": actor, "deliveryIdentifier": CHAT}],
        "recipients": [],
        "archived": False,
        "text": text,
        "richText": f"<div>{text}</div>",
        "attachments": [],
        "truncationStatus": "NOT_TRUNCATED",
        "direction": "INCOMING" if actor.startswith("V-") else "OUTGOING",
        "channelId": "1000",
        "channelAccountId": "14866",
        "type": "MESSAGE",
        **changed,
    }


def signed(body: bytes, secret: str, endpoint: str, milliseconds: int) -> dict[str, str]:
    """The headers of a request to an endpoint."""
    text = b"POST" + endpoint.encode() + body + str(milliseconds).encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-hubspot-request-timestamp": str(milliseconds),
        "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
    }


class HubSpot(Vendor):
    """Keeps its threads' messages, and what was done: (what, body)."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Any] = {}

    def post(self, number: int, *args: Any, **changed: Any) -> dict[str, Any]:
        """Keep a message; return the event that names it."""
        self.messages[f"m{number}"] = message(number, *args, **changed)
        return event(number)

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what HubSpot takes."""
        found = PATH.match(path)
        if headers.get("authorization") != f"Bearer {ACCESS['token']}":
            return 401, "the token is not the app's"
        if found is None or int(found[1]) != THREAD:
            return 404, f"no {method} {path}"
        if method == "GET":
            return (200, ("read", found[3])) if found[3] in self.messages and not content else (404, f"no {path}")
        if found[3]:
            return 405, f"no {method} {path}"
        body = json.loads(content)
        trouble = _trouble(method, found[2], body)
        return (400, trouble) if trouble else (200, (body.get("type", "thread"), body))

    def body(self, method: str, path: str) -> bytes:
        """Show a message that is asked for."""
        named = path.rpartition("/")[2]
        return json.dumps(self.messages[named]).encode() if method == "GET" else b"{}"


def _trouble(method: str, path: str | None, body: dict[str, Any]) -> str | None:
    """Return what a request has that the API does not know."""
    if method == "PATCH" and path is None:
        return None if body in ({"status": "OPEN"}, {"status": "CLOSED"}) else f"a thread of {body}"
    if method != "POST" or path is None:
        return f"no {method} of {path}"
    if body.get("type") == "COMMENT":
        return None if set(body) == COMMENT else f"a comment of {sorted(body)}"
    wanted = COMMENT | {"senderActorId", "channelId", "channelAccountId", "recipients"}
    if body.get("type") != "MESSAGE" or set(body) - {"subject"} != wanted:
        return f"a message of {sorted(body)}"
    if body["senderActorId"] != f"A-{ACCESS['user_id']}":
        return "not a user of the account"
    known = {"actorId", "name", "recipientField", "deliveryIdentifiers"}
    return None if body["recipients"] and all(set(one) <= known for one in body["recipients"]) else "for nobody"
