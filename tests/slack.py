"""A Slack: what its Events API posts, signed, and its Web API, strict about method, path, token and body.

Like Slack it answers 200 and says in the body what it refuses.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.vendor import Answer, Vendor

ACCESS = {"token": "xoxb-1", "notes_channel": "C2NOTES"}
SUPPORT = "C1HELP"
CUSTOMER, SAM = "U1JANE", "U2SAM"
ERRORS = {401: "invalid_auth", 404: "unknown_method", 403: "not_in_channel", 400: "invalid_arguments"}


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers of an event."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}


def posted(
    number: int, text: str | None, user: str = CUSTOMER, thread: int | None = None, **more: Any
) -> dict[str, Any]:
    """What Slack posts of a message, by default one that begins a thread in the support channel."""
    event = {
        "type": "message",
        "channel": SUPPORT,
        "channel_type": "channel",
        "user": user,
        "text": text,
        "ts": ts_of(number),
        "event_ts": ts_of(number),
        **({"thread_ts": ts_of(thread), "parent_user_id": CUSTOMER} if thread else {}),
        **more,
    }
    return {
        "token": "old",
        "team_id": "T1",
        "api_app_id": "A1",
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{number}",
        "event_time": 1355517523,
        "authorizations": [{"team_id": "T1", "user_id": "U0BOT", "is_bot": True}],
    }


def ts_of(number: int) -> str:
    """What names the message of this number."""
    return f"1355517523.{number:06}"


class Slack(Vendor):
    """Keeps what the app said: (channel, thread, text)."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = {SUPPORT, ACCESS["notes_channel"]}
        """Where the app may write."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Slack takes."""
        if headers.get("authorization") != f"Bearer {ACCESS['token']}":
            return 401, "the token is not the app's"
        if (method, path) != ("POST", "/api/chat.postMessage"):
            return 404, f"no {method} {path}"
        body = json.loads(content)
        kinds = {name: type(value) for name, value in body.items() if name != "thread_ts"}
        if kinds != {"channel": str, "text": str, "mrkdwn": bool} or "charset=utf-8" not in headers["content-type"]:
            return 400, f"{path} of {body}"
        if body["channel"] not in self.channels:
            return 403, f"not in {body['channel']}"
        return 200, (body["channel"], body.get("thread_ts"), body["text"])

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Answer 200 to what is refused, too."""
        status, more, _ = super().answer(method, path, headers, content)
        if status in ERRORS:
            return 200, more, json.dumps({"ok": False, "error": ERRORS[status]}).encode()
        return status, more, b'{"ok": true}'
