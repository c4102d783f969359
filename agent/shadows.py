"""What candidates in the shadow would have said: kept with the turn, never sent."""

from typing import Any

from agent.answers import find_answer
from agent.conversations import Past
from agent.desks import DeskView
from agent.reading import Reading
from agent.verdicts import verdict_json


def shadow_answers(desk: DeskView, reading: Reading, past: Past) -> list[Any]:
    """Return, for every shadow of the desk, the turn as it would have been with it in the live version's place."""
    found = []
    for trial, read in zip(desk.trials, reading.shadows, strict=True):
        answer = find_answer(desk.with_candidate(trial), read, past)
        skill = trial.skill
        found.append(
            {
                "trial": trial.id,
                "skill": skill.name,
                "version": skill.number,
                "outcome": answer.outcome,
                "intent": answer.route.intent,
                "article": answer.article.slug if answer.article else None,
                "failed": answer.failed,
                "verdicts": [verdict_json(verdict, skill.number) for verdict in read.verdicts[skill.name]],
            }
        )
    return found
