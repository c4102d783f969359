"""One mixed forward for one message: every skill of the desk reads it at once."""

import re
from collections.abc import Collection, Mapping, Sequence
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

    `each` are the search's verdicts on the questions of a message that has several. `shadows` is the message as
    read with each of the desk's candidates in the live version's place, in the desk's order.
    """

    text: str
    text_in_context: str | None
    verdicts: dict[str, list[Verdict]]
    in_context: list[Verdict]
    each: tuple[Verdict, ...] = ()
    shadows: tuple["Reading", ...] = ()


@dataclass(frozen=True, slots=True)
class _Heard:
    """One skill's verdicts on a message alone, and a search's on its questions and after the message before."""

    alone: list[Verdict]
    each: tuple[Verdict, ...] = ()
    in_context: tuple[Verdict, ...] = ()


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
    """Read a message under every live prompt of the desk and every candidate's, and bare, in one batch.

    Rows are: the bare text, one per skill and candidate, and, for each question of a message that has several
    and for both messages read together when there is an earlier one, a bare row and one per search. Only a search
    needs those: tone is judged a message at a time (the policy looks at several), and the router itself says when
    a message only makes sense with the one before it. `shown` are the articles the conversation has had: who asks
    on wants another one. Slips of the hand are mended in what is read, not in what is kept.
    """
    alone = render(text)
    readers = (*desk.skills, *(trial.skill for trial in desk.trials))
    searches = tuple(skill for skill in readers if skill.prompt.retrieves and skill.index)
    together = f"{before[-LONGEST_CONTEXT:]} {alone}" if before else None
    asked = questions_of(alone) if searches else []
    texts = [alone, *asked, *([together] if together and searches else [])]
    read = [desk.spelling.mend(text) for text in texts] if desk.spelling else texts
    tokens = backbone.tokenize(read, max((skill.prompt.length for skill in readers), default=0))
    first, *further = _forward(reader, tokens, [readers, *[searches] * (len(texts) - 1)])
    heard = {skill.version_id: _Heard(_read(skill, first[place], first[0])) for place, skill in enumerate(readers, 1)}
    for place, search in enumerate(searches, 1):
        each = [verdict for block in further[: len(asked)] for verdict in _read(search, block[place], block[0])]
        in_context = _read(search, further[-1][place], further[-1][0], shown) if together else []
        heard[search.version_id] = _Heard(heard[search.version_id].alone, tuple(each), tuple(in_context))
    shadows = [_as_read(alone, together, desk.with_candidate(trial), heard) for trial in desk.trials]
    return replace(_as_read(alone, together, desk, heard), shadows=tuple(shadows))


def _as_read(alone: str, together: str | None, desk: DeskView, heard: Mapping[str, _Heard]) -> Reading:
    """Return what one set of skills has heard."""
    by_skill = {skill.name: heard[skill.version_id] for skill in desk.skills}
    search = next((by_skill[skill.name] for skill in desk.skills if skill.prompt.retrieves), _Heard([]))
    verdicts = {name: said.alone for name, said in by_skill.items()}
    return Reading(alone, together, verdicts, list(search.in_context), search.each)


def _forward(
    reader: Reader, tokens: Sequence[tuple[int, ...]], under: Sequence[Sequence[LiveSkill]]
) -> list[torch.Tensor]:
    """Read texts in one pass, each bare and under its own skills; return states `[1 + skills, H]` for each text."""
    blocks = [
        [Row(text), *(Row(text, skill.prompt.prefix, skill.prompt.positions) for skill in skills)]
        for text, skills in zip(tokens, under, strict=True)
    ]
    states = reader.forward([row for block in blocks for row in block])
    return list(torch.split(states, [len(block) for block in blocks]))


def _read(skill: LiveSkill, prompted: torch.Tensor, bare: torch.Tensor, shown: Collection[str] = ()) -> list[Verdict]:
    return verdicts_of(skill.prompt, prompted[None], bare[None], skill.index, shown)[0]
