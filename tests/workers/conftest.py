"""A desk small enough to be retrained in a second, an office that serves it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.corrections import find_skill
from agent.database import Database
from agent.desks import make_desk
from agent.examples import add_example
from agent.jobs import Jobs
from agent.office import Office
from agent.releases import Releases, read_artefact
from agent.retrainings import open_retraining
from agent.settings import Settings
from agent.tables import Retraining, Skill, Version
from skills.backbone import Backbone
from skills.batching import Batcher
from skills.store import Store
from skills.vectors import Vectors
from workers import sweep
from workers.retraining import run_retraining

WORDS = {
    "cards": "my plastic card number",
    "transfers": "send money abroad",
    "login": "password app open",
}
ROLES = {"train": 30, "calibration": 102, "gate": 160}


@pytest.fixture
def own_queue(queue_url: str) -> Iterator[str]:
    """An empty queue that no other test nudges."""
    url = f"{queue_url.removesuffix('/0')}/7"
    with Redis.from_url(url) as redis:
        redis.flushdb()
        yield url


def small_desk(session: Session) -> None:
    """Make the small desk: tickets of three topics, and nothing tuned yet."""
    desk = make_desk(session, "small", "Small")
    skill = find_skill(session, desk.id, "classification")
    skill.labels = {"topic": list(WORDS)}
    for role, count in ROLES.items():
        for number in range(count):
            topic = list(WORDS)[number % 3]
            text = f"{WORDS[topic]} please, {role} {number}"
            add_example(session, skill, text, {"topic": topic}, "test", role)


@pytest.fixture
def small(database: Database, tiny: Backbone, own_queue: str, tmp_path: Path) -> Iterator[Office]:
    """An office over the small desk, with a backbone that reads in no time."""
    with database.writing() as session:
        small_desk(session)
    store = Store(tmp_path / "prompts", tiny, lambda digest: read_artefact(database, digest))
    vectors = Vectors(tmp_path / "vectors", tiny)
    reader, jobs = Batcher(tiny), Jobs(own_queue)
    yield Office(database, tiny, reader, Releases(database, tiny, store, vectors), jobs)
    reader.close()
    jobs.close()


@pytest.fixture
def settings(database: Database, own_queue: str) -> Iterator[Settings]:
    """What a worker of this installation would be started with."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, redis_url=own_queue)
    tools = sweep._tools(settings)  # made once here: threads that sweep at once would each make their own
    yield settings
    for tool in tools:
        tool.close()
    sweep._tools.cache_clear()


def opened(office: Office, name: str = "classification", seed: int = 0) -> str:
    """Open a retraining and return its id."""
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == name)).one()
        return open_retraining(session, skill, "call", "ana", seed).id


def run(office: Office, **values: Any) -> Retraining:
    """Carry a retraining through, as a worker would, and return its row."""
    job = opened(office, **values)
    run_retraining(office, job)
    return row_of(office, job)


def row_of(office: Office, job: str) -> Retraining:
    """Return a retraining's row as it is now."""
    with office.database.reading() as session:
        return session.get_one(Retraining, job)


def count(office: Office, table: type) -> int:
    """Return how many rows a table has."""
    with office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def live(office: Office) -> int | None:
    """Return the number of the classification's live version."""
    with office.database.reading() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        return session.get_one(Version, skill.live_version_id).number if skill.live_version_id else None
