"""The format of deep-chat, a web component for chats: a visitor's token, one new message, a text back."""

import re
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from agent.api.deps import Service, ServiceDep, Speaker, SpeakerDep
from agent.api.protocols.errors import CODES
from agent.api.schemas.deep_chat import DeepChatProblem, DeepChatReply, DeepChatRequest
from agent.api.turns import event, pieces, readable, tell, thread_of, user_places, written
from agent.conversations import Said

ADDRESS = re.compile(r"https?://[^\s<>]+")
"""deep-chat reads texts as Markdown, in which an address is a link only between these brackets."""
router = APIRouter(
    prefix="/v1/deep-chat",
    tags=["protocols"],
    responses={code: {"model": DeepChatProblem} for code in CODES},
)


@router.post("", response_model=DeepChatReply)
def reply(body: DeepChatRequest, service: ServiceDep, speaker: SpeakerDep) -> Response:
    """Take a message as deep-chat posts it and answer with the text it shows."""
    return Response(_reply(service, speaker, body).model_dump_json(), media_type="application/json")


@router.post(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"example": 'data: {"text": "Hello."}\n\n'}}}},
)
def reply_in_pieces(body: DeepChatRequest, service: ServiceDep, speaker: SpeakerDep) -> Response:
    """The same as server-sent events, for `connect.stream`; each adds text, the last one tells the turn."""
    return StreamingResponse(_events(_reply(service, speaker, body)), media_type="text/event-stream")


async def _events(done: DeepChatReply) -> AsyncIterator[str]:
    for piece in pieces(done.text):
        yield event({"text": piece})
    yield event({"text": "", "custom": done.custom})


def _reply(service: Service, speaker: Speaker, body: DeepChatRequest) -> DeepChatReply:
    newest = body.messages[user_places(bubble.role for bubble in body.messages)[-1]]
    name = body.conversation or (None if speaker.visitor_id is None else "")  # a visitor is a name already
    thread = None if name is None else thread_of(speaker, name)
    said = Said(
        readable(newest.text),
        channel="deep-chat",
        client_id=body.client_message_id,
        visitor_id=speaker.visitor_id,
        thread=thread,
    )
    turn = tell(service, speaker, said)
    return DeepChatReply(text=ADDRESS.sub(r"<\g<0>>", written(turn)), custom=turn)
