"""An installation's database seen from outside, and a retraining on record without the minutes it takes."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from agent.corrections import find_skill
from agent.database import Database
from agent.retrainings import snapshot_of
from agent.tables import Desk, Example, Retraining, Version
from tests.conftest import Running


@contextmanager
def stored(running: Running) -> Iterator[Database]:
    """The installation's database."""
    database = Database(f"sqlite:///{running.data / 'frostdesk.db'}", pool=1)
    yield database
    database.close()


def learn(running: Running, skill: str) -> str:
    """Record that the live version of a skill was made from all its present examples; return the retraining's id."""
    with stored(running) as database, database.writing() as session:
        desk_id = session.scalars(select(Desk.id).where(Desk.slug == "pennywhistle")).one()
        row = find_skill(session, desk_id, skill)
        snapshot = snapshot_of(list(session.scalars(select(Example).where(Example.skill_id == row.id))))
        run = Retraining(skill_id=row.id, trigger="call", actor="ana", status="promoted", snapshot=snapshot)
        session.add(run)
        session.flush()
        version = session.get_one(Version, row.live_version_id)
        version.lineage = {**version.lineage, "retraining": run.id}
        return run.id
