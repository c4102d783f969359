"""Where helpdesks post their events: checked, stored once, answered at once; a worker reads them."""

from datetime import timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from agent.api.deps import Service, ServiceDep
from agent.api.schemas.connections import Accepted, ChallengeAnswer
from agent.channels import CHALLENGES, CHANNELS, SPLITS, keys
from agent.channels.channel import Channel
from agent.database import insert_once, nudge_after
from agent.errors import NotFound
from agent.tables import Connection, InboundEvent, new_id, utc_now

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
EVENT_BYTES = 1024 * 1024
"""Help Scout posts a conversation with all its messages, and stops posting where ten such events are refused."""


@router.post(
    "/{kind}/{connection_id}",
    status_code=202,
    response_model=Accepted,
    responses={200: {"model": ChallengeAnswer, "description": "A helpdesk's question is answered, nothing stored"}},
    max_body_size=EVENT_BYTES,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": ["object", "array"]}}}}},
)
async def receive_event(
    kind: str, connection_id: str, request: Request, service: ServiceDep
) -> Accepted | JSONResponse:
    """Take a helpdesk's event: its signature is checked on the raw bytes, it is stored once and answered at once.

    `kind` is one of

    - `standard` (Standard Webhooks): `ticket.created` and `ticket.replied` with `data: {ticket_id, subject?, text}`
      are read, `skill.retrain` with `data: {skill}` opens a retraining, unless the skill rests after a promotion;
    - `chatwoot`: the events of an agent bot;
    - `zendesk`: ticket events, and triggers with our template;
    - `intercom`: notifications about conversations;
    - `zammad`: the webhook of a trigger;
    - `freshdesk`: automation rules with our template;
    - `helpscout`: webhooks about conversations;
    - `front`: the webhooks of an app, or of a rule;
    - `gorgias`: an HTTP integration with our template;
    - `hubspot`: new messages and assignments of conversations, several at once;
    - `slack`: messages, by the Events API;
    - `sunshine`: messages of Sunshine Conversations, several at once.

    Events of other types are stored and ignored. A replayed event changes nothing. When the database does not answer,
    the helpdesk gets the status after which it tries again. The signed questions that Front (`{"type": "sync"}` with
    `X-Front-Challenge`) and Slack (`{"type": "url_verification", "challenge": ...}`) ask before they store an address
    are answered with 200 and `{"challenge": ...}`.
    """
    channel = CHANNELS.get(kind)
    if channel is None:
        raise NotFound("There is no such connection.")
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return await run_in_threadpool(_store, service, channel, kind, connection_id, body, headers)
    except (OperationalError, PoolTimeout) as error:
        busy = "The database does not answer; try again in a moment."
        raise HTTPException(channel.BUSY, busy, {"retry-after": "2"}) from error


@router.head("/{kind}/{connection_id}", include_in_schema=False)  # noqa: FAST003 - it says nothing of a connection
async def find_endpoint(kind: str) -> None:
    """Say that events are taken here: Intercom asks before it stores an address."""
    if kind not in CHANNELS:
        raise NotFound("There is no such connection.")


def _store(
    service: Service, channel: Channel, kind: str, connection_id: str, body: bytes, headers: dict[str, str]
) -> Accepted | JSONResponse:
    """Verify a request and store each of its events once, in their order; a worker is nudged beside the answer.

    A helpdesk's question is only answered.
    """
    with service.office.database.reading() as session:
        connection = session.get(Connection, connection_id)
    if connection is None or connection.kind != kind:
        raise NotFound("There is no such connection.")
    now, fresh = utc_now(), False
    name = channel.verify(body, headers, keys(connection, service.settings.base_url), now)
    if kind in CHALLENGES and (answer := CHALLENGES[kind](body, headers)) is not None:
        return JSONResponse(answer)
    events = (SPLITS[kind](body) if kind in SPLITS else []) or [(name, body)]
    with service.office.database.writing() as session:
        for place, (event_id, part) in enumerate(events):
            row_id = new_id("evt")
            came = now + timedelta(microseconds=place)  # the order of a ticket's events is that of their times
            named = {"id": row_id, "connection_id": connection.id, "event_id": event_id}
            row = {**named, "body": part, "ticket_id": channel.ticket_of(part), "received_at": came}
            if insert_once(session, InboundEvent, row, ["connection_id", "event_id"]):
                nudge_after(session, "handle_event", row_id)
                fresh = True
    return Accepted(status="accepted" if fresh else "known")
