"""What would be said to a message, for whoever only asks: nothing is stored, nobody is answered."""

from collections.abc import Sequence
from dataclasses import replace

from agent.answers import Answer, find_answer
from agent.conversations import Past
from agent.office import Office
from agent.reading import Reading, read_message
from skills.skill import Verdict


def draft(office: Office, desk_id: str, text: str) -> tuple[Reading, Answer]:
    """Read a message as the first of a conversation, under the live versions, and decide what to say to it."""
    desk = replace(office.releases.live.snapshot(desk_id), trials=())
    reading = read_message(office.reader, office.backbone, desk, text, before=None)
    return reading, find_answer(desk, reading, Past("bot", (), text, ()))


def ranking(verdicts: Sequence[Verdict]) -> list[tuple[str, float]]:
    """Return the labels of a skill that answers with one of them, the nearest first, accepted or not."""
    return [near for verdict in verdicts for near in ((verdict.label, verdict.confidence), *verdict.runners_up)]
