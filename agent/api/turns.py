"""One turn for whoever asks over HTTP: limits first, then the flow, then what is shown of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agent.api.deps import Service, Speaker
from agent.api.schemas.base import Text
from agent.api.schemas.chat import TurnView
from agent.conversations import Said
from agent.errors import BadInput
from agent.turn import take_turn

TEXT: TypeAdapter[str] = TypeAdapter(Text)


def answer(service: Service, speaker: Speaker, said: Said) -> dict[str, Any]:
    """Take a message and return its turn as it is shown. Raises TooMany when the speaker's allowance is spent."""
    spend(service, speaker)
    return take_turn(service.office, speaker.desk_id, said)


def spend(service: Service, speaker: Speaker) -> None:
    """Count a message against the speaker's allowance. Raises TooMany."""
    who = speaker.visitor_id or "admin"
    service.limits.spend("visitor", f"{speaker.desk_id}:{who}", _allowance(service, speaker))


def tell(service: Service, speaker: Speaker, said: Said) -> dict[str, Any]:
    """Take a message and return its turn as JSON, as `POST /v1/chat` shows it. Raises TooMany."""
    return TurnView.model_validate(answer(service, speaker, said)).model_dump(mode="json")


def thread_of(speaker: Speaker, name: str) -> str:
    """Return the sender's own name for a conversation as the desk knows it: of a visitor, or of one key."""
    return f"{speaker.key_id} {name}" if speaker.key_id else name


def user_places(roles: Iterable[str]) -> list[int]:
    """Return where in a protocol's history its user speaks, at least once. Raises BadInput."""
    users = [place for place, role in enumerate(roles) if role == "user"]
    if not users:
        raise BadInput("messages: there is no message of the role 'user'.")
    return users


def readable(text: str | None) -> str:
    """Return the text of a protocol's message if the chat would take it. Raises BadInput."""
    try:
        return TEXT.validate_python(text)
    except ValidationError as error:
        raise BadInput(f"messages: the newest message: {error.errors()[0]['msg']}") from None


def written(shown: dict[str, Any]) -> str:
    """Return a turn's reply as plain text: with the questions it offers, which a page of ours shows as buttons."""
    questions = [f"- {article['question']}" for article in shown["suggestions"] if article["question"]]
    return "\n".join([shown["reply"], *questions]) if shown["reply"] else ""


def digest_of(names: Any) -> str:  # noqa: ANN401 - JSON
    """Return a name of fixed length for what names a message or a conversation."""
    return sha256(json.dumps(names).encode()).hexdigest()


def event(data: Mapping[str, Any]) -> str:
    """Return a server-sent event without a name."""
    return f"data: {json.dumps(data)}\n\n"


def pieces(reply: str) -> Iterator[str]:
    """Cut a reply after each sentence or line, losing nothing."""
    piece = ""
    for character in reply:
        piece += character
        if character in ".!?\n":
            yield piece
            piece = ""
    if piece:
        yield piece


def _allowance(service: Service, speaker: Speaker) -> int:
    """An admin tries things out; a visitor types."""
    limit = service.settings.visitor_per_minute
    return limit if speaker.visitor_id else max(limit, service.settings.address_per_minute)
