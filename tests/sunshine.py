"""Sunshine Conversations: what its webhooks post, and its API, strict about method, path, key and body."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.vendor import Vendor

APP, CONVERSATION = "6a1f00", "6c2e11"
GIVEN = {"app_id": APP, "key_id": "app_6b2", "token": "key-secret", "integration": "frostdesk"}
"""What an admin says."""
ACCESS = {
    "app_id": APP,
    "key_id": "app_6b2",
    "token": "key-secret",
    "user_id": "frostdesk",
    "next": "next",
    "field_id": "360",
}
"""What is kept of it."""
AGENTS = "zd-agentWorkspace"
PATH = re.compile(rf"^/sc/v2/apps/{APP}/conversations/(\w+)/(messages|passControl)$")


def event(number: int, text: str | None, author: str = "user", holder: str | None = "frostdesk", **changed: Any) -> Any:
    """One of the events that a request holds: a message of a conversation that `holder` has control of."""
    control = {"id": f"sw_{holder}", "name": holder, "integrationId": "69b4", "integrationType": "custom"}
    conversation = {"id": CONVERSATION, "type": "personal", "brandId": "55"}
    message = {
        "id": f"msg{number}",
        "received": "2026-03-14T02:20:32.440Z",
        "author": {"type": author, **({"userId": "u1", "displayName": "Mia"} if author == "user" else {})},
        "content": {"type": "text", "text": text},
        "source": {"type": "web" if author == "user" else "zd:agentWorkspace"},
        **changed,
    }
    payload = {
        "conversation": {**conversation, **({"activeSwitchboardIntegration": control} if holder else {})},
        "message": message,
    }
    return {
        "id": f"ev{number}",
        "createdAt": "2026-03-14T02:20:32.440Z",
        "type": "conversation:message",
        "payload": payload,
    }


def request(*events: Any) -> dict[str, Any]:
    """What is posted at once."""
    return {"app": {"id": APP}, "webhook": {"id": "69b4", "version": "v2"}, "events": list(events)}


class Sunshine(Vendor):
    """Keeps what was done: (what, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Sunshine Conversations takes."""
        found = PATH.match(path)
        pair = base64.b64encode(f"{ACCESS['key_id']}:{ACCESS['token']}".encode()).decode()
        if headers.get("authorization") != f"Basic {pair}":
            return 401, "the key is not the app's"
        if found is None or method != "POST" or found[1] != CONVERSATION:
            return 404, f"no {method} {path}"
        body = json.loads(content)
        trouble = _trouble(found[2], body)
        return (400, trouble) if trouble else (200, (found[2], body))


def _trouble(what: str, body: dict[str, Any]) -> str | None:
    """Return what a request has that the API does not know."""
    metadata = body.get("metadata", {})
    flat = all(isinstance(value, str | int | float | bool) for value in metadata.values())
    if not flat or len(json.dumps(metadata)) > 4096:
        return "metadata that is not flat and small"
    if what == "passControl":
        return None if set(body) <= {"switchboardIntegration", "metadata", "reason"} else f"control by {sorted(body)}"
    text = body.get("content", {}).get("text")
    if set(body) - {"metadata"} != {"author", "content"} or body["author"] != {"type": "business"}:
        return f"a message of {sorted(body)}"
    return None if body["content"] == {"type": "text", "text": text} and text else "a message without text"
