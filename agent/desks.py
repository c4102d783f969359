"""A desk as a turn sees it: one immutable value with its table, words, articles and prompts."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from agent.errors import BadInput, Conflict, NotFound
from agent.hours import Hours
from agent.router import Lead
from agent.shares import canary_answers
from agent.tables import Article, Desk, Intent, Skill

if TYPE_CHECKING:  # a process that only touches rows does not load torch
    from skills.index import Index
    from skills.prompt import SoftPrompt
    from skills.skill import Verdict
    from skills.spelling import Spelling

TEXTS: Mapping[str, str] = {
    "out_of_scope": "I am afraid that is nothing I can help with here. I can answer questions about our "
    "service, or hand you to a person if you ask.",
    "no_answer": "I am not sure about that one. Could you say it in other words, or ask for a person?",
    "nearest": "Or is it one of these?",
    "also": "You asked about this too:",
    "escalated": "I am handing this conversation to a colleague, who will answer you here.",
    "warned": "I would like to help. Please stay polite, otherwise I will hand over to a colleague.",
    "asked_back": "Could you tell me a little more about what you need?",
    "said": "You are welcome.",
    "labelled": "Thank you, I have passed this on to the team.",
}
"""What a desk says unless it sets its own words."""


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article as it is cited."""

    slug: str
    question: str
    answer: str
    link: str | None


@dataclass(frozen=True, slots=True)
class LiveSkill:
    """A skill's live prompt, ready to be read. `index` is set for retrieval skills."""

    name: str
    kind: str
    version_id: str
    number: int
    prompt: "SoftPrompt"
    index: "Index | None"


@dataclass(frozen=True, slots=True)
class TrialView:
    """A candidate on trial: a shadow reads every message, a canary answers its share of the conversations.

    `floor`: how sure its answers must be to keep the desk's error budget (0 without one).
    """

    id: str
    stage: str
    share: float
    skill: LiveSkill
    floor: float


@dataclass(frozen=True, slots=True)
class DeskView:
    """Everything one turn needs of a desk; never changed, only replaced.

    `floors` is, by skill, how sure an answer must be to keep the desk's error budget (empty without one).
    `trials` are the candidates that read along or answer some conversations. `hours`: when its humans are there.
    """

    id: str
    slug: str
    name: str
    revision: int
    table: Mapping[str, Lead]
    texts: Mapping[str, str]
    rules: tuple[Mapping[str, str], ...]
    articles: Mapping[str, ArticleView]
    passages: Mapping[str, tuple[str, ...]]
    passage_index: "Index | None"
    skills: tuple[LiveSkill, ...]
    spelling: "Spelling | None" = None
    floors: Mapping[str, float] = field(default_factory=dict)
    trials: tuple[TrialView, ...] = ()
    hours: Hours | None = None

    def for_conversation(self, conversation_id: str) -> "DeskView":
        """Return the desk as one conversation meets it: with the canaries it falls to, and every shadow.

        A conversation stays on its side as long as the trial lasts.
        """
        shadows = tuple(trial for trial in self.trials if trial.stage == "shadow")
        desk = replace(self, trials=shadows)
        for trial in self.trials:
            if trial.stage == "canary" and canary_answers(trial.id, conversation_id, trial.share):
                desk = desk.with_candidate(trial)
        return desk

    def with_candidate(self, trial: TrialView) -> "DeskView":
        """Return the desk with a candidate in the place of the live version of its skill."""
        skills = tuple(trial.skill if skill.name == trial.skill.name else skill for skill in self.skills)
        return replace(self, skills=skills, floors={**self.floors, trial.skill.name: trial.floor})

    def skill(self, name: str) -> LiveSkill | None:
        """Return the live skill of this name, if it has a live version."""
        return next((skill for skill in self.skills if skill.name == name), None)

    def may_answer(self, verdict: "Verdict") -> bool:
        """Return whether a verdict is accepted, and sure enough for the desk's error budget."""
        return verdict.accepted and verdict.confidence >= self.floors.get(verdict.skill, 0.0)


def make_desk(session: Session, slug: str, name: str, origins: list[str] | None = None) -> Desk:
    """Create a desk with the four standard skills, none of them tuned yet."""
    if session.scalar(select(Desk.id).where(Desk.slug == slug)):
        raise Conflict(f"There is a desk called '{slug}' already.")
    desk = Desk(slug=slug, name=name, site_key=f"pk_{secrets.token_urlsafe(18)}", allowed_origins=origins or [])
    session.add(desk)
    session.flush()
    for kind in ("router", "classification", "faq", "sentiment"):
        session.add(Skill(desk_id=desk.id, name=kind, kind=kind))
    session.flush()
    return desk


def find_desk(session: Session, slug: str | None, desk_id: str | None = None) -> Desk:
    """Return the desk meant: by id, by slug, or the only one there is. Raises NotFound or BadInput."""
    if desk_id is not None:
        desk = session.get(Desk, desk_id)
        if desk is None or (slug is not None and desk.slug != slug):
            raise NotFound(f"This key opens no desk called '{slug}'.")
        return desk
    if slug is not None:
        desk = session.scalar(select(Desk).where(Desk.slug == slug))
        if desk is None:
            raise NotFound(f"There is no desk called '{slug}'.")
        return desk
    desks = session.scalars(select(Desk).order_by(Desk.created_at).limit(2)).all()
    if len(desks) == 1:
        return desks[0]
    if not desks:
        raise NotFound("There is no desk yet; load the demo with 'frostdesk demo load' or create one.")
    raise BadInput("There are several desks; say which one with 'desk'.")


def touch_desk(session: Session, desk_id: str) -> None:
    """Count a change that running processes must notice."""
    session.execute(update(Desk).where(Desk.id == desk_id).values(revision=Desk.revision + 1))


def passages_of(session: Session, desk_id: str) -> dict[str, tuple[str, ...]]:
    """Return every article's passages: its question and its phrasings."""
    rows = session.scalars(select(Article).where(Article.desk_id == desk_id).order_by(Article.position, Article.slug))
    return {row.slug: (row.question, *row.phrasings) for row in rows}


def skill_labels(session: Session, skill: Skill) -> dict[str, list[str]]:
    """Return the labels of a skill by axis; a router's are the desk's intents."""
    if skill.kind != "router":
        return {axis: list(labels) for axis, labels in skill.labels.items()}
    statement = select(Intent.name).where(Intent.desk_id == skill.desk_id).order_by(Intent.position, Intent.name)
    return {"intent": list(session.scalars(statement))}


def add_intent(session: Session, desk_id: str, name: str, values: Mapping[str, Any]) -> Intent:
    """Create or change a row of the desk's table."""
    row = session.scalar(select(Intent).where(Intent.desk_id == desk_id, Intent.name == name))
    if row is None:
        last = session.scalar(select(func.max(Intent.position)).where(Intent.desk_id == desk_id))
        row = Intent(desk_id=desk_id, name=name, action="faq", position=(last or 0) + 1)
        session.add(row)
    for column, value in values.items():
        setattr(row, column, value)
    session.flush()
    touch_desk(session, desk_id)
    return row
