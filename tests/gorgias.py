"""A Gorgias: what its HTTP integration posts with our template, and its API, strict about method, path, key and body."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.vendor import Vendor

ACCESS = {"email": "bot@shop.example", "token": "api-key", "user_id": "900", "team_id": "45"}
USER = "Basic " + base64.b64encode(b"bot@shop.example:api-key").decode()
GUIDE = Path(__file__).parents[1] / "docs/channels/gorgias.md"
CUSTOMER, SHOP = "jane@home.example", "help@shop.example"
PATH = re.compile(r"^/api/tickets/5158(|/messages|/tags)$")
MESSAGE = {"channel": str, "body_text": str, "body_html": str, "from_agent": bool, "via": str, "sender": dict}
WANTED: dict[tuple[str, str], tuple[dict[str, type], ...]] = {
    ("POST", "/messages"): (MESSAGE, {**MESSAGE, "source": dict}),
    ("POST", "/tags"): ({"names": list},),
    ("PUT", ""): ({"status": str, "assignee_user": type(None), "assignee_team": dict},),
}


def posted(number: int, text: str, author: int = 77, **placeholders: object) -> dict[str, Any]:
    """What the integration posts of a message: the guide's template, filled in as text.

    `placeholders` are values by their names, with underscores for dots.
    """
    by_agent = author != 77
    known = {
        "ticket.id": 5158,
        "ticket.assignee_user.id": "",
        "message.id": number,
        "message.from_agent": by_agent,
        "message.sender.id": author,
        "message.rule_id": None,
        "message.subject": None,
        "message.body_text": text,
        "message.channel": "email",
        "message.source.type": "email",
        "message.source.from.address": SHOP if by_agent else CUSTOMER,
        "message.source.to[0].address": CUSTOMER if by_agent else SHOP,
    }
    named = {re.sub(r"\W", "_", name): name for name in known}
    known |= {named[name]: value for name, value in placeholders.items()}
    [template] = re.findall(r"```json\n\s*(.*?)\n\s*```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    fields = json.loads(template).items()
    return {name: re.sub(r"\{\{(.+?)\}\}", lambda found: str(known[found[1]]), value) for name, value in fields}


class Gorgias(Vendor):
    """Keeps what the user did: (path below the ticket, body)."""

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Take only what Gorgias takes."""
        found = PATH.match(path)
        if headers.get("authorization") != USER:
            return 401, "the key is no user's"
        wanted = WANTED.get((method, found[1])) if found else None
        if found is None or wanted is None:
            return 404, f"no {method} {path}"
        body = json.loads(content)
        if {name: type(value) for name, value in body.items()} not in wanted:
            return 400, f"{path} of {body}"
        if ("source" in body) == (body.get("channel") == "internal-note") and "channel" in body:
            return 400, f"a note goes nowhere, and everything else somewhere: {body}"
        return 200, (found[1], body)
