"""Rasa's REST channel and its parsing of a text: a sender is a conversation, the router's intents are Rasa's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from agent.api.deps import KeySpeakerDep, ServiceDep, SpeakerDep
from agent.api.protocols.errors import CODES
from agent.api.schemas.rasa import (
    Button,
    ChannelStatus,
    Parsed,
    ParseRequest,
    RasaIntent,
    RasaMessage,
    RasaProblem,
    RasaReply,
)
from agent.api.turns import spend, tell, thread_of
from agent.conversations import Said
from agent.drafts import draft, ranking

router = APIRouter(tags=["protocols"], responses={code: {"model": RasaProblem} for code in CODES})


@router.get("/webhooks/rest/")
async def find_channel() -> ChannelStatus:
    """Say that the channel is there."""
    return ChannelStatus()


@router.post(
    "/webhooks/rest/webhook",
    response_model=list[RasaReply],
    response_model_exclude_none=True,
    responses={200: {"content": {"text/event-stream": {"example": '{"recipient_id": "ana", "text": "Hello."}\n'}}}},
)
def reply(
    body: RasaMessage,
    service: ServiceDep,
    speaker: SpeakerDep,
    stream: Annotated[bool, Query(description="Each message as a line of JSON instead of one list")] = False,
) -> Response:
    """Take a message as Rasa's REST channel does; the questions offered come as buttons.

    The list is empty while a human has the conversation.
    """
    name = body.metadata.message_name if body.metadata else None
    thread = thread_of(speaker, body.sender)
    said = Said(body.message, "rasa", client_id=name, visitor_id=speaker.visitor_id, thread=thread)
    turn = tell(service, speaker, said)
    replies = [_reply(body.sender, turn)] if turn["reply"] else []
    if stream:
        lines = "".join(line.model_dump_json(exclude_none=True) + "\n" for line in replies)
        return Response(lines, media_type="text/event-stream")  # Rasa labels its lines so
    return JSONResponse([line.model_dump(exclude_none=True) for line in replies])


@router.post("/model/parse")
def parse(body: ParseRequest, service: ServiceDep, speaker: KeySpeakerDep) -> Parsed:
    """Classify a text as the desk's router would; nothing is stored. Needs an admin key."""
    spend(service, speaker)
    reading, answer = draft(service.office, speaker.desk_id, body.text)
    intent = RasaIntent(name=answer.route.intent, confidence=answer.route.confidence)
    near = ranking(reading.verdicts.get("router", []))
    nearest = [RasaIntent(name=name, confidence=confidence) for name, confidence in near]
    return Parsed(text=body.text, intent=intent, intent_ranking=nearest)


def _reply(sender: str, turn: dict[str, Any]) -> RasaReply:
    questions = [article["question"] for article in turn["suggestions"] if article["question"]]
    buttons = [Button(title=question, payload=question) for question in questions]
    return RasaReply(recipient_id=sender, text=turn["reply"], buttons=buttons or None)
