"""One mixed forward for one message: every skill of the desk reads it at once."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from agent.desks import DeskView, LiveSkill
from skills.backbone import Backbone, Row
from skills.batching import Reader
from skills.reading import verdicts_of
from skills.skill import Verdict, render

LONGEST_CONTEXT = 300
"""Characters of the earlier message that a follow-up is read with."""
MOST_QUESTIONS = 3
SHORTEST_QUESTION = 3
"""Words below which a part of a message is no question of its own ("really?")."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Each skill's verdicts on a message, and the search's verdict on it read after the one before.

    `each` are the search's verdicts on the questions of a message that has several.
    """

    text: str
    text_in_context: str | None
    verdicts: dict[str, list[Verdict]]
    in_context: list[Verdict]
    each: tuple[Verdict, ...] = ()


def questions_of(text: str) -> list[str]:
    """Return the questions of a text that asks several, else nothing."""
    parts = re.findall(r"[^?]+\?", text)
    asked = [part.strip() for part in parts if len(part.split()) >= SHORTEST_QUESTION]
    return asked[:MOST_QUESTIONS] if len(asked) > 1 else []


def read_message(
    reader: Reader,
    backbone: Backbone,
    desk: DeskView,
    text: str,
    before: str | None,
    shown: Collection[str] = (),
) -> Reading:
    """Read a message under every live prompt of the desk, and bare, in one batch.

    Rows are: the bare text, one per skill, and two of the search's for each question of a message that has
    several, and for both messages read together when there is an earlier one. Only the search needs that: tone
    is judged a message at a time (the policy looks at several), and the router itself says when a message only
    makes sense with the one before it. `shown` are the articles the conversation has had: who asks on wants
    another one. Slips of the hand are mended in what is read, not in what is kept.
    """
    alone = render(text)
    longest = max((skill.prompt.length for skill in desk.skills), default=0)
    together = f"{before[-LONGEST_CONTEXT:]} {alone}" if before else None
    search = next((skill for skill in desk.skills if skill.prompt.retrieves and skill.index), None)
    asked = questions_of(alone) if search else []
    texts = [alone, *asked, *([together] if together else [])]
    read = [desk.spelling.mend(text) for text in texts] if desk.spelling else texts
    tokens = backbone.tokenize(read, longest)
    rows = [Row(tokens[0]), *(_under(skill, tokens[0]) for skill in desk.skills)]
    if search:
        rows += [row for more in tokens[1:] for row in (Row(more), _under(search, more))]
    states = reader.forward(rows)
    verdicts = {skill.name: _read(skill, states[i + 1], states[0]) for i, skill in enumerate(desk.skills)}
    if search is None or search.index is None:
        return Reading(alone, together, verdicts, [])
    more = [(states[i], states[i + 1]) for i in range(1 + len(desk.skills), len(rows), 2)]
    each = [verdict for bare, prompted in more[: len(asked)] for verdict in _read(search, prompted, bare)]
    in_context = []
    if together:
        bare, prompted = more[-1]
        in_context = _read(replace(search, index=search.index.without(shown)), prompted, bare)
    return Reading(alone, together, verdicts, in_context, tuple(each))


def _under(skill: LiveSkill, tokens: tuple[int, ...]) -> Row:
    return Row(tokens, skill.prompt.prefix, skill.prompt.positions)


def _read(skill: LiveSkill, prompted: torch.Tensor, bare: torch.Tensor) -> list[Verdict]:
    return verdicts_of(skill.prompt, prompted[None], bare[None], skill.index)[0]
