"""What a trial has shown so far: which of its conversations suffered, and on whose side they were."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.shares import canary_answers
from agent.tables import Skill, Trial, Turn
from skills.evidence import evidence_of_worse

EVIDENCE = 20.0
"""How much likelier "worse" must be before a candidate goes back. One that is no worse ever gets there in at most one
of twenty trials for each of the things counted, however often they are looked at."""
SUFFERED = {"escalated": "were escalated", "abstained": "got no answer once", "disliked": "got a thumbs-down"}
DIFFERED = {"escalated": "escalated", "abstained": "found no answer"}


@dataclass(slots=True)
class Tally:
    """Events of one stage of a trial: by kind, how many are the candidate's, and of how many.

    `share` is the candidate's part of the events if it is no worse. `seen` counts what the stage's length is measured
    in; `beside` is shown with the rest.
    """

    stage: str
    share: float
    seen: int = 0
    events: dict[str, tuple[int, int]] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)

    def count(self, kind: str, candidates: bool) -> None:
        """Count one event of a kind."""
        mine, events = self.events.get(kind, (0, 0))
        self.events[kind] = (mine + candidates, events + 1)

    def figures(self) -> dict[str, Any]:
        """Return what is kept with the trial and shown to people."""
        kinds = {
            kind: {"candidate": mine, "events": events, "evidence": round(self._evidence(mine, events), 2)}
            for kind, (mine, events) in self.events.items()
        }
        return {"seen": self.seen, **self.beside, **kinds}

    def worse(self) -> str | None:
        """Say what the candidate is worse at, if the evidence is strong enough."""
        for kind, (mine, events) in self.events.items():
            evidence = self._evidence(mine, events)
            if evidence >= EVIDENCE:
                return f"{self._told(kind, mine, events)}: {evidence:.0f} times likelier if it is worse."
        return None

    def _evidence(self, mine: int, events: int) -> float:
        return evidence_of_worse(mine, events, self.share)

    def _told(self, kind: str, mine: int, events: int) -> str:
        if self.stage == "shadow":
            return f"Where only one version {DIFFERED[kind]}, it was the candidate in {mine} of {events} conversations"
        said = f"Of {events} conversations that {SUFFERED[kind]}, {mine} were the candidate's"
        return f"{said}, which answers {self.share:.0%}"


def tally(session: Session, trial: Trial) -> Tally:
    """Return what the trial's present stage has shown."""
    return _shadow(session, trial) if trial.stage == "shadow" else _canary(session, trial)


def shadowed(session: Session, trial: Trial) -> Iterator[tuple[Turn, dict[str, Any]]]:
    """Yield the turns the candidate read in the shadow, oldest first, and what it would have said."""
    desk_id = session.get_one(Skill, trial.skill_id).desk_id
    since = (Turn.desk_id == desk_id, Turn.created_at >= trial.created_at)
    for turn in session.scalars(select(Turn).where(*since).order_by(Turn.created_at, Turn.id)):
        yield from ((turn, would) for would in turn.shadow if would["trial"] == trial.id)


def same_answer(turn: Turn, would: dict[str, Any]) -> bool:
    """Return whether the customer would have been told the same."""
    return (turn.outcome, turn.article) == (would["outcome"], would["article"])


def _shadow(session: Session, trial: Trial) -> Tally:
    """Compare both versions' reading of the same turns; of a conversation its first difference of a kind counts.

    If they are alike, either is the one that alone escalates, or alone finds no answer, with the same chance.
    """
    found, told, same = Tally("shadow", 0.5), set(), 0
    for turn, would in shadowed(session, trial):
        found.seen += 1
        same += same_answer(turn, would)
        candidates = _suffers(would["outcome"], would["failed"])
        for kind in _suffers(turn.outcome, turn.failed) ^ candidates:
            if (turn.conversation_id, kind) not in told:
                told.add((turn.conversation_id, kind))
                found.count(kind, kind in candidates)
    found.beside["same_answer"] = round(same / found.seen, 4) if found.seen else None
    return found


def _suffers(outcome: str, failed: bool) -> set[str]:
    return ({"escalated"} if outcome == "escalated" else set()) | ({"abstained"} if failed else set())


def _canary(session: Session, trial: Trial) -> Tally:
    """Count the conversations that suffered since the stage began, on the candidate's side and in all.

    A conversation's side was drawn by its id alone. So if the versions are alike, the candidate's side has its share
    of them, whatever the traffic is like.
    """
    kinds = {"escalated": Turn.outcome == "escalated", "abstained": Turn.failed, "disliked": Turn.rating == "down"}
    desk_id = session.get_one(Skill, trial.skill_id).desk_id
    rows = session.execute(
        select(Turn.conversation_id, *(func.count().filter(condition) for condition in kinds.values()))
        .where(Turn.desk_id == desk_id, Turn.created_at >= trial.stage_at, Turn.outcome != "silent")
        .group_by(Turn.conversation_id)
    )
    found, conversations = Tally("canary", trial.share), 0
    for conversation_id, *counts in rows:
        mine = canary_answers(trial.id, conversation_id, trial.share)
        found.seen += mine
        conversations += 1
        for kind, times in zip(kinds, counts, strict=True):
            if times:
                found.count(kind, mine)
    found.beside["conversations"] = conversations
    return found
