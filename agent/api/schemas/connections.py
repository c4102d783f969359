"""Helpdesk connections and deliveries."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from agent.api.schemas.base import Name, Request, Schema
from agent.channels.channel import Mode

MODES = (
    "answer: replies, notes and hand-overs are sent; draft: replies become notes; label: labels only; watch: nothing"
)


class ConnectionRequest(Request):
    """Connect a helpdesk."""

    name: Name
    kind: Literal[
        "standard",
        "chatwoot",
        "zendesk",
        "intercom",
        "zammad",
        "freshdesk",
        "helpscout",
        "front",
        "gorgias",
        "hubspot",
        "slack",
        "sunshine",
    ] = Field("standard", description="`standard`: by Standard Webhooks; `sunshine`: Sunshine Conversations")
    mode: Mode = Field("answer", description=MODES)
    url: str | None = Field(
        None,
        description="Where answers are posted (the address of the helpdesk); none: events are only stored and read",
        max_length=2000,
    )
    secret: str | None = Field(
        None,
        description="`whsec_...`, left out: one is made, as for Freshdesk and Gorgias. Other helpdesks: "
        "the one they show; Chatwoot may have none",
        min_length=1,
        max_length=200,
    )
    credentials: dict[str, str | int] = Field(
        {},
        description="Chatwoot: `account_id`, and `token`, the access token of the agent bot. Zendesk: `email` and "
        "`token` of the API user, and `user_id`, that user's number. Intercom: `token`, "
        "`user_id`, the teammate's number, and `team_id`, to whom conversations are handed over. "
        "Zammad: `token`, `user_id`, that user's number, and `group_id`, to whom tickets are handed over. "
        "Freshdesk: `token`, the API key, and `group_id`. "
        "Help Scout: `app_id`, `token`, the app's secret, `user_id`, that user's number, and `team_id`. "
        "Front: `token`, `user_id`, the teammate's id, and `inbox_id`, where conversations are handed over to. "
        "Gorgias: `email` and `token`, the API key, `user_id`, that user's number, and `team_id`. "
        "HubSpot: `token` of the app, and `user_id`, the number of the user who answers. "
        "Slack: `token`, and `notes_channel`, the channel for notes and hand-overs. "
        "Sunshine Conversations: `app_id`, `key_id` and `token`, the key's secret, `integration`, our name in the "
        "switchboard, `next`, to whom control is passed, and `field_id`, the ticket field for the summary",
    )


class ConnectionChange(Request):
    """What to change; what is left out stays."""

    mode: Mode | None = Field(None, description=MODES)
    secret: str | None = Field(
        None,
        description="Signs from now on; events signed by the one before are still taken",
        min_length=1,
        max_length=200,
    )


class ConnectionView(Schema):
    """A helpdesk's connection, without its secret."""

    id: str
    name: str
    kind: str
    mode: Mode
    url: str | None
    endpoint: str = Field(description="Where the helpdesk posts its events")
    created_at: datetime


class NewConnection(ConnectionView):
    """A connection just made: the only time its secret can be read."""

    secret: str | None


class SampleEvent(Schema):
    """A signed event to post to a connection's endpoint."""

    endpoint: str
    headers: dict[str, str]
    body: str
    event_id: str = Field(description="How the helpdesk names it: `event_id` in the list of events")


class EventView(Schema):
    """Something a helpdesk posted."""

    id: str
    connection: str
    event_id: str
    ticket_id: str | None
    status: str
    attempt: int
    error: str | None
    turn_id: str | None
    received_at: datetime
    handled_at: datetime | None


class DeliveryView(Schema):
    """Something sent, or to be sent, to a helpdesk."""

    id: str
    connection: str
    conversation_id: str
    event: str | None = Field(description="The event it answers")
    action: str = Field(description="handled (one event with everything), reply, note, label or hand_off")
    status: Literal["queued", "sent", "skipped", "dead"]
    attempt: int
    payload: dict[str, Any]
    answer_status: int | None
    error: str | None
    due_at: datetime
    sent_at: datetime | None


class Accepted(Schema):
    """An event was stored."""

    status: Literal["accepted", "known"]


class ChallengeAnswer(Schema):
    """What a helpdesk wants to read before it stores an address."""

    challenge: str
