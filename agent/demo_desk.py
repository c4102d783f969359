"""Putting the demo desk into a database: rows, examples and the shipped prompts."""

import json
from typing import Any

from sqlalchemy.orm import Session

from agent import demo
from agent.desks import make_desk
from agent.examples import text_digest
from agent.promotions import promote
from agent.tables import Artefact, Article, Desk, Example, Intent, Skill, Version


def load_demo(session: Session) -> Desk:
    """Create the demo desk with its articles, judged texts and tuned prompts. Raises Conflict if it exists.

    The prompts are verified where every prompt is: when a process loads them.
    """
    described = demo.desk()
    desk = make_desk(session, described["slug"], described["name"])
    desk.texts, desk.policy = described["texts"], described["policy"]
    for place, row in enumerate(described["intents"]):
        session.add(Intent(desk_id=desk.id, position=place, **row))
    for place, row in enumerate(demo.read("articles.jsonl")):
        fields = {name: row[name] for name in ("slug", "question", "answer", "link", "phrasings")}
        session.add(Article(desk_id=desk.id, position=place, **fields))
    session.flush()
    judged = demo.examples()
    for skill in session.query(Skill).filter_by(desk_id=desk.id).order_by(Skill.name):
        skill.labels = described["labels"].get(skill.name, {})
        _add_examples(session, skill, judged[skill.name])
        _add_prompt(session, skill)
    return desk


def shipped(skill: str) -> tuple[dict[str, Any], bytes]:
    """Return what the repository says of a shipped prompt (digest, scorecard) and its bytes."""
    folder = demo.FOLDER / "prompts"
    entry: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))[skill]
    return entry, (folder / f"{skill}.zip").read_bytes()


def _add_examples(session: Session, skill: Skill, judged: list[demo.Judged]) -> None:
    rows: dict[str, Example] = {}
    for text, target, role in judged:
        digest = text_digest(text)
        rows.setdefault(
            digest,
            Example(
                skill_id=skill.id,
                digest=digest,
                text=text,
                target=target,
                source="demo",
                group=digest,
                role=role,
            ),
        )
    session.add_all(rows.values())
    session.flush()


def _add_prompt(session: Session, skill: Skill) -> None:
    entry, content = shipped(skill.name)
    session.merge(Artefact(digest=entry["digest"], content=content))
    version = Version(
        skill_id=skill.id,
        number=1,
        digest=entry["digest"],
        fingerprint=entry["fingerprint"],
        scorecard=dict(entry["scorecard"]),
        lineage={"desk": "demo"},
    )
    session.add(version)
    session.flush()
    promote(session, skill, version, None, "demo", "shipped with the demo desk")
