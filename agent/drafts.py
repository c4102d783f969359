"""What would be said to a message, for whoever only asks: nothing is stored, nobody is answered."""

from dataclasses import replace

from agent.answers import Answer, find_answer
from agent.conversations import Past
from agent.office import Office
from agent.reading import Reading, read_message


def draft(office: Office, desk_id: str, text: str) -> tuple[Reading, Answer]:
    """Read a message as the first of a conversation, under the live versions, and decide what to say to it."""
    desk = replace(office.releases.live.snapshot(desk_id), trials=())
    reading = read_message(office.reader, office.backbone, desk, text, before=None)
    return reading, find_answer(desk, reading, Past("bot", (), text, ()))
