"""A Help Scout: what its webhooks post, and its API, strict about method, path, access token and body."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.vendor import Answer, Vendor

ACCESS = {"app_id": "app-id", "token": "app-secret", "user_id": "900", "team_id": "45"}
CONVERSATION = 10
PATH = re.compile(r"^/v2/conversations/10(|/reply|/notes)$")
WANTED: dict[tuple[str, str], dict[str, type]] = {
    ("POST", "/reply"): {"text": str, "user": int, "customer": dict},
    ("POST", "/notes"): {"text": str, "user": int},
    ("PATCH", ""): {"path": str, "op": str, "value": int},
}


def thread(number: int, body: str | None, by: str = "customer", author: int = 77, **changed: Any) -> dict[str, Any]:
    """One thread; `by` a customer or a user."""
    return {
        "id": number,
        "type": "customer" if by == "customer" else "message",
        "status": "active",
        "state": "published",
        "action": {"type": "default", "associatedEntities": {}},
        "body": body,
        "source": {"type": "email", "via": by},
        "customer": {"id": 77, "email": "jane@shop.example"},
        "createdBy": {"id": author, "type": by},
        "assignedTo": None,
        **changed,
    }


def conversation(*threads: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """What a webhook posts of a conversation: the newest of its threads stands first."""
    return {
        "id": CONVERSATION,
        "number": 12,
        "threads": len(threads),
        "type": "email",
        "status": "active",
        "state": "published",
        "subject": "Card",
        "mailboxId": 85,
        "assignee": None,
        "createdBy": {"id": 77, "type": "customer"},
        "primaryCustomer": {"id": 77, "type": "customer", "email": "jane@shop.example"},
        "tags": [{"id": 1, "tag": "vip"}],
        "_embedded": {"threads": list(reversed(threads))},
        **changed,
    }


def signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a webhook; which event it is, nobody signs."""
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()
    return {"x-helpscout-event": "convo.customer.reply.created", "x-helpscout-signature": digest}


class HelpScout(Vendor):
    """Keeps what was done: (path below the conversation, body). Its access tokens are numbered."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0
        """How many were given."""
        self.expires_in = 172_800
        self.token_answer: Answer | None = None
        """What is answered to who asks for a token, if no token."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Help Scout takes."""
        found = PATH.match(path)
        if headers.get("authorization") != f"Bearer token-{self.tokens}" or not self.tokens:
            return 401, "the access token is not the last one"
        wanted = WANTED.get((method, found[1])) if found else None
        if found is None or wanted is None:
            return 404, f"no {method} {path}"
        body = json.loads(content)
        if {name: type(value) for name, value in body.items()} != wanted:
            return 400, f"{path} of {body}"
        return 200, (found[1], body)

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Give a token to who asks for one as OAuth2 says; judge everything else."""
        if path != "/v2/oauth2/token":
            return super().answer(method, path, headers, content)
        if self.token_answer:
            return self.token_answer
        form = {name: value for name, [value] in parse_qs(content.decode()).items()}
        app = {"client_id": ACCESS["app_id"], "client_secret": ACCESS["token"]}
        if method != "POST" or form != {"grant_type": "client_credentials", **app} or "authorization" in headers:
            return 401, {}, b'{"error": "invalid_client"}'
        self.tokens += 1
        granted = {"token_type": "bearer", "access_token": f"token-{self.tokens}", "expires_in": self.expires_in}
        return 200, {}, json.dumps(granted).encode()
