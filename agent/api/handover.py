"""Conversations in human hands: list, read, reply, give back, close."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.chat import MessageView
from agent.api.schemas.handover import AdminTranscript, ConversationView, EscalationView, HumanReply
from agent.api.transcripts import show_transcript
from agent.conversations import add_message, end_escalation, find_conversation
from agent.errors import Conflict
from agent.tables import Conversation, Escalation

router = APIRouter(prefix="/v1/admin", tags=["handover"])


@router.get("/escalations")
def list_escalations(
    service: ServiceDep,
    desk: AdminDeskDep,
    status: Annotated[Literal["open", "given_back", "closed"] | None, Query()] = "open",
    limit: Limit = 50,
) -> list[EscalationView]:
    """List what was handed to humans, oldest first: reason, cause, requests, articles tried, summary, address."""
    statement = select(Escalation, Conversation.email).join(Conversation).where(Escalation.desk_id == desk.id)
    if status is not None:
        statement = statement.where(Escalation.status == status)
    with service.office.database.reading() as session:
        rows = session.execute(statement.order_by(Escalation.opened_at).limit(limit))
        return [EscalationView(**_fields(row), email=email) for row, email in rows]


@router.get("/conversations")
def list_conversations(
    service: ServiceDep,
    desk: AdminDeskDep,
    owner: Annotated[Literal["bot", "human"] | None, Query()] = None,
    limit: Limit = 50,
) -> list[ConversationView]:
    """List conversations, newest first."""
    statement = select(Conversation).where(Conversation.desk_id == desk.id).order_by(Conversation.updated_at.desc())
    if owner is not None:
        statement = statement.where(Conversation.owner == owner)
    with service.office.database.reading() as session:
        rows = session.scalars(statement.limit(limit))
        return [ConversationView.model_validate(row, from_attributes=True) for row in rows]


@router.get("/conversations/{conversation_id}")
def read_conversation(conversation_id: str, service: ServiceDep, desk: AdminDeskDep) -> AdminTranscript:
    """Read a conversation."""
    hours = service.office.releases.live.snapshot(desk.id).hours
    with service.office.database.reading() as session:
        conversation = find_conversation(session, desk.id, conversation_id)
        shown = show_transcript(session, conversation, hours)
        return AdminTranscript(**dict(shown), email=conversation.email)


@router.post("/conversations/{conversation_id}/reply", status_code=201)
def reply(conversation_id: str, body: HumanReply, service: ServiceDep, desk: AdminDeskDep) -> MessageView:
    """Answer as a human. The bot stays silent from now on, until the conversation is given back."""
    with service.office.database.writing() as session:
        conversation = find_conversation(session, desk.id, conversation_id, lock=True)
        if conversation.status == "closed":
            raise Conflict("This conversation is closed; it opens again when the customer writes.")
        conversation.owner = "human"
        message = add_message(session, conversation, "human", body.text)
        shown = MessageView.model_validate(message, from_attributes=True)
    service.office.jobs.tell("conversation", conversation_id)
    return shown


@router.post("/conversations/{conversation_id}/give-back")
def give_back(conversation_id: str, service: ServiceDep, desk: AdminDeskDep) -> ConversationView:
    """Give a conversation back to the bot."""
    with service.office.database.writing() as session:
        conversation = find_conversation(session, desk.id, conversation_id, lock=True)
        if conversation.owner == "bot":
            raise Conflict("The bot has this conversation already.")
        end_escalation(session, conversation, "given_back")
        session.flush()
        shown = ConversationView.model_validate(conversation, from_attributes=True)
    service.office.jobs.tell("conversation", conversation_id)
    return shown


@router.post("/conversations/{conversation_id}/close")
def close(conversation_id: str, service: ServiceDep, desk: AdminDeskDep) -> ConversationView:
    """Close a conversation; the bot takes it up again if the customer writes once more."""
    with service.office.database.writing() as session:
        conversation = find_conversation(session, desk.id, conversation_id, lock=True)
        end_escalation(session, conversation, "closed")
        conversation.status = "closed"
        session.flush()
        shown = ConversationView.model_validate(conversation, from_attributes=True)
    service.office.jobs.tell("conversation", conversation_id)
    return shown


def _fields(row: Escalation) -> dict[str, Any]:
    return {field: getattr(row, field) for field in EscalationView.model_fields if field != "email"}
