"""The AI SDK's UI message stream, version 1: what `useChat` posts and reads."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from agent.api.deps import ServiceDep, Speaker, SpeakerDep
from agent.api.protocols.errors import CODES
from agent.api.schemas.ai_sdk import UIRequest
from agent.api.turns import digest_of, event, pieces, readable, tell, thread_of, user_places, written
from agent.conversations import Said
from agent.errors import BadInput

SENTENCE = {"description": "One sentence", "content": {"text/plain": {"schema": {"type": "string"}}}}
router = APIRouter(prefix="/v1/ai-sdk", tags=["protocols"], responses=dict.fromkeys(CODES, SENTENCE))
HEADERS = {"x-vercel-ai-ui-message-stream": "v1", "cache-control": "no-cache", "x-accel-buffering": "no"}


@router.post(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"example": 'data: {"type": "start"}\n\n'}}}},
)
def stream_ui_message(body: UIRequest, service: ServiceDep, speaker: SpeakerDep) -> Response:
    """Take a message as `useChat` posts it; answer as its stream: text, the article's link, the turn."""
    turn = tell(service, speaker, _said(speaker, body))
    return StreamingResponse(_events(turn), media_type="text/event-stream", headers=HEADERS)


async def _events(turn: dict[str, Any]) -> AsyncIterator[str]:
    for part in _parts(turn):
        yield event(part)
    yield "data: [DONE]\n\n"


def _parts(turn: dict[str, Any]) -> list[dict[str, Any]]:
    text, article = written(turn), turn["article"]
    parts: list[dict[str, Any]] = [{"type": "start", "messageId": turn["turn_id"]}]
    if text:
        parts.append({"type": "text-start", "id": "reply"})
        parts += [{"type": "text-delta", "id": "reply", "delta": piece} for piece in pieces(text)]
        parts.append({"type": "text-end", "id": "reply"})
    if article and article["link"]:
        source = {"sourceId": article["slug"], "url": article["link"], "title": article["question"]}
        parts.append({"type": "source-url", **source})
    return [*parts, {"type": "data-frostdesk", "data": turn}, {"type": "finish"}]


def _said(speaker: Speaker, body: UIRequest) -> Said:
    newest = body.messages[user_places(message.role for message in body.messages)[-1]]
    if any(part.type == "file" for part in newest.parts):
        raise BadInput("messages: the newest message has a file; only text can be read.")
    text = readable("\n".join(part.text or "" for part in newest.parts if part.type == "text"))
    name = digest_of([newest.id, text])  # an edited message keeps its id
    thread = thread_of(speaker, body.id)
    return Said(text, channel="ai-sdk", client_id=name, visitor_id=speaker.visitor_id, thread=thread)
