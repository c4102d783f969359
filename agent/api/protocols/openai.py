"""OpenAI's chat completions: a desk is a model, the newest user message is the turn (decision 15)."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from agent.api.deps import CallerDep, Service, ServiceDep, Speaker, check_origin, spend_address
from agent.api.protocols.errors import CODES
from agent.api.schemas.openai import (
    ChatMessage,
    Choice,
    Completion,
    CompletionRequest,
    Model,
    Models,
    OpenAIProblem,
    Reply,
    Usage,
)
from agent.api.turns import digest_of, event, pieces, readable, tell, user_places, written
from agent.conversations import Said
from agent.desks import find_desk
from agent.errors import BadInput, NotFound
from agent.keys import Caller
from agent.tables import Desk, utc_now

router = APIRouter(
    prefix="/v1",
    tags=["protocols"],
    dependencies=[Depends(spend_address)],
    responses={code: {"model": OpenAIProblem} for code in (400, *CODES)},
)
PREFIX = "frostdesk/"


@router.get("/models")
def list_models(service: ServiceDep, caller: CallerDep) -> Models:
    """List the desks that the key opens, as OpenAI's models."""
    with service.office.database.reading() as session:
        desks = session.scalars(select(Desk).order_by(Desk.created_at)).all()
    return Models(data=[_model(desk) for desk in desks if caller.desk_id in (None, desk.id)])


@router.get("/models/{model:path}")
def read_model(model: str, service: ServiceDep, caller: CallerDep) -> Model:
    """Show one desk as OpenAI's model."""
    return _model(_desk(service, caller, model))


@router.post(
    "/chat/completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"example": 'data: {"object": "chat.completion.chunk"}\n\n'}}}},
)
def complete(
    body: CompletionRequest,
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    origin: Annotated[str | None, Header(include_in_schema=False)] = None,
    idempotency_key: Annotated[str | None, Header(max_length=256, description="Names this message")] = None,
) -> Response:
    """Take a message as OpenAI's chat completion, whole or (`stream`) in chunks of server-sent events."""
    desk = _desk(service, caller, body.model)
    check_origin(request, service, desk.id, origin)
    said = _said(body, caller.key_id, idempotency_key)
    turn = tell(service, Speaker(desk.id, None), said)
    reply = written(turn)
    asked, replied = (len(ids) for ids in service.office.backbone.tokenize([said.text, reply]))
    done = Completion(
        id=f"chatcmpl-{turn['turn_id']}",
        created=int(time.time()),
        model=body.model,
        choices=[Choice(message=Reply(content=reply))],
        usage=Usage(prompt_tokens=asked, completion_tokens=replied, total_tokens=asked + replied),
        frostdesk=turn,
    )
    if not body.stream:
        return Response(done.model_dump_json(), media_type="application/json")
    usage = bool(body.stream_options and body.stream_options.include_usage)
    return StreamingResponse(_chunks(done, usage), media_type="text/event-stream")


async def _chunks(done: Completion, usage: bool) -> AsyncIterator[str]:
    """Write a completion as chunks; the last one with a choice tells what became of the turn."""
    head = {"id": done.id, "object": "chat.completion.chunk", "created": done.created, "model": done.model}
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces(done.choices[0].message.content)]
    for delta in deltas:
        yield event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    last = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    yield event({**head, "choices": last, "frostdesk": done.frostdesk})
    if usage:
        yield event({**head, "choices": [], "usage": done.usage.model_dump()})
    yield "data: [DONE]\n\n"


def _said(body: CompletionRequest, key_id: str, idempotency_key: str | None) -> Said:
    """Return the newest user message, with names for it and for its conversation."""
    users = user_places(message.role for message in body.messages)
    text, channel = _text(body.messages[users[-1]]), "openai"
    customer, conversation = body.user or body.safety_identifier, (body.metadata or {}).get("conversation")
    if customer is None and conversation is None:
        names = [digest_of([key_id, *_spoken(body.messages[: place + 1])]) for place in users]
        once = digest_of([key_id, idempotency_key]) if idempotency_key and len(names) == 1 else None
        return Said(text, channel, client_id=names[-1], thread=once, follows=names[-2] if len(names) > 1 else None)
    if conversation is None:  # a day, so that next month's 'hello' is a new conversation
        conversation = [utc_now().date().isoformat(), body.messages[users[0]].model_dump()]
    name = digest_of(idempotency_key or _spoken(body.messages[: users[-1] + 1]))
    return Said(text, channel, client_id=name, thread=digest_of([key_id, customer, conversation]))


def _spoken(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    return [message.model_dump() for message in messages if message.role in ("user", "assistant")]


def _text(message: ChatMessage) -> str:
    parts = message.content
    if isinstance(parts, list):
        if any(part.type != "text" or part.text is None for part in parts):
            raise BadInput("messages: the newest message has a part that is no text; only text can be read.")
        parts = "\n".join(part.text or "" for part in parts)
    return readable(parts)


def _desk(service: Service, caller: Caller, model: str) -> Desk:
    try:
        with service.office.database.reading() as session:
            return find_desk(session, model.removeprefix(PREFIX) if model.startswith(PREFIX) else "", caller.desk_id)
    except NotFound as error:
        raise NotFound(f"This key opens no model '{model}'; GET /v1/models lists them.") from error


def _model(desk: Desk) -> Model:
    return Model(id=PREFIX + desk.slug, created=int(desk.created_at.timestamp()))
