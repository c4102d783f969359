"""The chat: a visitor's session, messages in and answers out, live news, feedback."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select
from starlette.responses import Response

from agent.api.deps import Credentials, Service, ServiceDep, Speaker, SpeakerDep, address_of, check_origin
from agent.api.protocols.errors import CODES
from agent.api.schemas.base import Number
from agent.api.schemas.chat import (
    ChatRequest,
    ConversationRating,
    Feedback,
    SessionAnswer,
    SessionRequest,
    Transcript,
    TurnView,
)
from agent.api.schemas.contacts import Contact
from agent.api.transcripts import show_transcript
from agent.api.turns import answer, pieces
from agent.conversations import Said, find_conversation
from agent.corrections import find_turn
from agent.errors import AgentError, Conflict, NotFound, NotSignedIn
from agent.identities import SIGNED_IN, identify
from agent.outbound import tell_of
from agent.tables import Conversation, Desk, utc_now
from agent.tokens import RENEWABLE, issue, read

router = APIRouter(prefix="/v1", tags=["chat"])
ConversationId = Annotated[str, Path(max_length=64)]
After = Annotated[Number, Query(description="Only messages with a higher `seq`")]
_PROBLEM = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
BEFORE_THE_STREAM: dict[int | str, dict[str, Any]] = dict.fromkeys(CODES, _PROBLEM)
"""Errors of a stream that does not begin; the framework would document them as events."""


@router.post("/chat/session", status_code=201, openapi_extra={"security": [{}]})  # a token may be sent
def open_session(
    body: SessionRequest,
    request: Request,
    service: ServiceDep,
    credentials: Credentials,
    origin: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> SessionAnswer:
    """Give a web page's visitor a short-lived token for their own conversations.

    Sent with a token of before, which may have expired up to 30 days ago, it is the same visitor; else a new one.
    With `identity` it is the customer whom the site names, on whatever device.
    """
    service.limits.spend("session", address_of(request), service.settings.address_per_minute)
    with service.office.database.reading() as session:
        desk = session.scalar(select(Desk).where(Desk.site_key == body.site_key))
    if desk is None:
        raise NotFound("No desk has this site key.")
    check_origin(request, service, desk.id, origin)
    minutes = service.settings.token_minutes
    customer = identify(desk, body.identity) if body.identity is not None else None
    known = customer or _visitor_before(service, credentials, desk.id)
    token, visitor = issue(service.secret, desk.id, minutes, known)
    return SessionAnswer(
        token=token,
        visitor_id=visitor.id,
        expires_in=minutes * 60,
        desk=desk.name,
        conversation_id=_newest(service, desk.id, customer) if customer else None,
    )


def _visitor_before(service: Service, credentials: HTTPAuthorizationCredentials | None, desk_id: str) -> str | None:
    if credentials is None:
        return None
    try:
        visitor = read(service.secret, credentials.credentials, RENEWABLE)
    except NotSignedIn:
        return None
    if visitor.desk_id != desk_id or visitor.id.startswith(SIGNED_IN):  # a customer may have signed out meanwhile
        return None
    return visitor.id


def _newest(service: Service, desk_id: str, visitor_id: str) -> str | None:
    newest = select(Conversation.id).order_by(Conversation.updated_at.desc()).limit(1)
    with service.office.database.reading() as session:
        return session.scalar(newest.where(Conversation.desk_id == desk_id, Conversation.visitor_id == visitor_id))


@router.post("/chat", response_model=TurnView)
def chat(body: ChatRequest, service: ServiceDep, speaker: SpeakerDep) -> Response:
    """Take one customer message: answered, handed over, or answered with an honest 'I do not know'."""
    shown = TurnView.model_validate(answer(service, speaker, _said(speaker, body)))
    # Written here, in this thread: the framework would validate and write it once more, in another one.
    return Response(shown.model_dump_json(), media_type="application/json")


@router.post("/chat/stream", response_class=EventSourceResponse, responses=BEFORE_THE_STREAM)
def chat_stream(body: ChatRequest, service: ServiceDep, speaker: SpeakerDep) -> Iterator[ServerSentEvent]:
    """The same as a stream of events: `typing`, `delta`s of the reply, then `turn` or `error`."""
    yield ServerSentEvent(event="typing", data={})
    try:
        shown = answer(service, speaker, _said(speaker, body))
    except AgentError as error:  # the answer has begun, so the error is an event of it
        yield ServerSentEvent(event="error", data={"code": error.code, "message": error.sentence})
        return
    for piece in pieces(shown["reply"] or ""):
        yield ServerSentEvent(event="delta", data={"text": piece})
    yield ServerSentEvent(event="turn", data=TurnView.model_validate(shown).model_dump(mode="json"))


@router.get("/conversations/{conversation_id}/messages")
def read_messages(
    conversation_id: ConversationId,
    service: ServiceDep,
    speaker: SpeakerDep,
    after: After = 0,
) -> Transcript:
    """Read one's own conversation."""
    return _transcript(service, speaker, conversation_id, after)


def own_conversation(conversation_id: ConversationId, service: ServiceDep, speaker: SpeakerDep) -> str:
    """Return the id of a conversation the caller may follow; said before the stream starts."""
    with service.office.database.reading() as session:
        return find_conversation(session, speaker.desk_id, conversation_id, speaker.visitor_id).id


@router.get("/conversations/{conversation_id}/events", response_class=EventSourceResponse, responses=BEFORE_THE_STREAM)
async def follow(
    conversation: Annotated[str, Depends(own_conversation)],
    service: ServiceDep,
    speaker: SpeakerDep,
    after: After = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Follow one's own conversation: an event `messages` whenever there is news, such as a human's reply.

    Office hours that begin or end are no news; each event says what they say then.
    """
    last, before = after, None
    with service.streams.listen(conversation) as news:
        while True:
            news.clear()
            try:
                shown = await anyio.to_thread.run_sync(_transcript, service, speaker, conversation, last)
            except NotFound:  # erased meanwhile; asking again gets the 404
                return
            state = (shown.owner, shown.status, shown.contact)
            if shown.messages or state != before:
                last, before = max([last, *(m.seq for m in shown.messages)]), state
                yield ServerSentEvent(event="messages", data=shown.model_dump(mode="json"))
            await news.wait()


@router.post("/conversations/{conversation_id}/rating", status_code=204)
def rate(conversation_id: ConversationId, body: ConversationRating, service: ServiceDep, speaker: SpeakerDep) -> None:
    """Say how a conversation went that has been closed."""
    with service.office.database.writing() as session:
        conversation = find_conversation(session, speaker.desk_id, conversation_id, speaker.visitor_id, lock=True)
        if conversation.status != "closed":
            raise Conflict("This conversation goes on; it is rated when it is closed.")
        if conversation.rating != body.rating:
            tell_of(session, conversation, "conversation.rated", rating=body.rating)
        conversation.rating, conversation.remark = body.rating, body.remark


@router.post("/conversations/{conversation_id}/contact", status_code=204)
def leave_contact(conversation_id: ConversationId, body: Contact, service: ServiceDep, speaker: SpeakerDep) -> None:
    """Leave an e-mail address in a conversation that a human has; those who answer see it, and the last one counts."""
    with service.office.database.writing() as session:
        conversation = find_conversation(session, speaker.desk_id, conversation_id, speaker.visitor_id, lock=True)
        if conversation.owner != "human":
            raise Conflict("The bot has this conversation; an address is left when a human has it.")
        conversation.email, conversation.updated_at = body.email, utc_now()
    service.office.jobs.tell("conversation", conversation_id)


@router.post("/turns/{turn_id}/feedback", status_code=204)
def give_feedback(turn_id: str, body: Feedback, service: ServiceDep, speaker: SpeakerDep) -> None:
    """Say whether an answer helped; the review queue looks at thumbs-down first."""
    with service.office.database.writing() as session:
        turn = find_turn(session, speaker.desk_id, turn_id)
        conversation = find_conversation(session, speaker.desk_id, turn.conversation_id, speaker.visitor_id)
        if turn.rating != body.rating:
            tell_of(session, conversation, "turn.rated", turn_id=turn.id, rating=body.rating)
        turn.rating, turn.rating_comment = body.rating, body.comment


def _said(speaker: Speaker, body: ChatRequest) -> Said:
    return Said(
        body.message,
        channel="chat",
        conversation_id=body.conversation_id,
        client_id=body.client_message_id,
        visitor_id=speaker.visitor_id,
        wants_human=body.wants_human,
    )


def _transcript(service: Service, speaker: Speaker, conversation_id: str, after: int) -> Transcript:
    hours = service.office.releases.live.snapshot(speaker.desk_id).hours
    with service.office.database.reading() as session:
        conversation = find_conversation(session, speaker.desk_id, conversation_id, speaker.visitor_id)
        return show_transcript(session, conversation, hours, after)
