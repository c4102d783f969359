"""The format of @n8n/chat, a web component for chats: one address for the message and for what was said before."""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from agent.api.deps import Service, ServiceDep, Speaker, SpeakerDep
from agent.api.protocols.errors import CODES
from agent.api.schemas.n8n_chat import (
    Content,
    LoadPreviousSession,
    N8nHistory,
    N8nMessage,
    N8nProblem,
    N8nReply,
    N8nRequest,
)
from agent.api.turns import pieces, tell, thread_of, written
from agent.conversations import Said, id_of_thread
from agent.tables import Message

router = APIRouter(
    prefix="/v1/n8n-chat",
    tags=["protocols"],
    responses={code: {"model": N8nProblem} for code in CODES},
)
CHANNEL = "n8n-chat"
LINES = "text/plain"
"""What the component accepts when it wants the reply in pieces."""


@router.post(
    "",
    response_model=N8nReply | N8nHistory,
    responses={200: {"content": {LINES: {"example": '{"type": "item", "content": "Hello."}\n'}}}},
)
def converse(
    body: N8nRequest,
    service: ServiceDep,
    speaker: SpeakerDep,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Take a message as @n8n/chat posts it and answer, whole or (`Accept: text/plain`) in lines of JSON.

    `loadPreviousSession` asks for what was said so far.
    """
    thread = thread_of(speaker, body.sessionId)
    if isinstance(body, LoadPreviousSession):
        past = _history(service, speaker, Said("", CHANNEL, visitor_id=speaker.visitor_id, thread=thread))
        return Response(past.model_dump_json(by_alias=True), media_type="application/json")
    name = body.metadata.message_name if body.metadata else None
    said = Said(body.chatInput, CHANNEL, client_id=name, visitor_id=speaker.visitor_id, thread=thread)
    turn = tell(service, speaker, said)
    if LINES in accept:
        return StreamingResponse(_lines(turn), media_type=LINES)
    reply = written(turn)
    whole = N8nReply(output=reply, frostdesk=turn) if reply else N8nReply()
    return Response(whole.model_dump_json(exclude_unset=True), media_type="application/json")


async def _lines(turn: dict[str, Any]) -> AsyncIterator[str]:
    """Write a reply in lines; one item even if it is empty, for without any the component shows a warning."""
    yield _line({"type": "begin"})
    for piece in list(pieces(written(turn))) or [""]:
        yield _line({"type": "item", "content": piece})
    yield _line({"type": "end"}, frostdesk=turn)


def _line(said: dict[str, str], **more: Any) -> str:  # noqa: ANN401
    node = {"nodeId": "frostdesk", "nodeName": "frostdesk", "runIndex": 0, "itemIndex": 0}
    return json.dumps({**said, "metadata": {**node, "timestamp": int(time.time() * 1000), **more}}) + "\n"


def _history(service: Service, speaker: Speaker, said: Said) -> N8nHistory:
    conversation = id_of_thread(speaker.desk_id, said)  # made of the visitor or key: nobody reads another's
    with service.office.database.reading() as session:
        rows = session.scalars(select(Message).where(Message.conversation_id == conversation).order_by(Message.seq))
        return N8nHistory(data=[_message(row) for row in rows])


def _message(row: Message) -> N8nMessage:
    kind = "HumanMessage" if row.author == "customer" else "AIMessage"
    return N8nMessage(id=["langchain_core", "messages", kind], said=Content(content=row.text))
