"""An API over two desks that nobody minds losing: no worker runs, so nothing happens between two calls."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.database import Database
from agent.demo_desk import load_demo
from agent.keys import make_key
from agent.tables import Connection, Conversation, Delivery, Desk, Skill, Version
from frostdesk.children import Child, python
from frostdesk.queue_server import free_port
from tests.agent.api.conftest import CARD, HUMAN, ask
from tests.conftest import START_SECONDS, wait_for

MANY = "1000000"


@dataclass
class Throwaway:
    """A running API; `keys` by the desk they open (`all`: every desk), `ids` of things on the desks, by kind."""

    url: str
    log: Path
    keys: Mapping[str, str]
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def client(self, desk: str) -> httpx.Client:
        """A client with a desk's key."""
        headers = {"authorization": f"Bearer {self.keys[desk]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def throwaway(database_url: str, queue_url: str, folder: Path) -> Iterator[Throwaway]:
    """Run an API over a database that has the demo desk; add the desk `spare`, the same again, to be spoilt."""
    with closing(Database(database_url, pool=1)) as database:
        with database.writing() as session:
            desks = {"demo": session.scalars(select(Desk)).one()}
            desks["demo"].slug, slug = "away", desks["demo"].slug  # for the demo can be loaded once
            session.flush()
            desks["spare"] = load_demo(session)
            session.flush()
            desks["spare"].slug = "spare"
            session.flush()
            desks["demo"].slug = slug
            keys = {name: make_key(session, name, desk.id)[1] for name, desk in desks.items()}
            keys["all"] = make_key(session, "all", None)[1]
        port = free_port()
        env = {
            **os.environ,
            "FROSTDESK_DATA": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": queue_url,
            "FROSTDESK_PORT": str(port),
            "FROSTDESK_VISITOR_PER_MINUTE": MANY,
            "FROSTDESK_ADDRESS_PER_MINUTE": MANY,
        }
        api = Child("api", python("frostdesk", "api"), env, folder / "api.log")
        running = Throwaway(f"http://127.0.0.1:{port}", api.log, keys)
        api.start()
        try:
            wait_for(lambda: _is_up(running.url), START_SECONDS)
            for desk in desks:
                with running.client(desk) as client:
                    _furnish(client, database, running.ids)
            yield running
        finally:
            api.ask_to_stop()
            api.stop()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _furnish(client: httpx.Client, database: Database, ids: dict[str, list[str]]) -> None:
    """Put one of everything on the client's desk."""
    desk = client.get("/v1/admin/desk").json()
    ids["site_keys"].append(desk["site_key"])
    for words in (CARD, HUMAN):
        turn = ask(client, words)
        ids["turns"].append(turn["turn_id"])
        ids["conversations"].append(turn["conversation_id"])
    connection = client.post("/v1/admin/connections", json={"name": "router"}).json()  # as a skill and an intent
    ids["connections"].append(connection["id"])
    judged = {"turn_id": turn["turn_id"], "skill": "router", "target": {"intent": "greeting"}}
    ids["corrections"].append(client.post("/v1/admin/corrections", json=judged).json()["id"])
    ids["keys"].append(client.post("/v1/admin/keys", json={"name": "another"}).json()["id"])
    ids["retrainings"].append(client.post("/v1/admin/skills/faq/retrain").json()["id"])
    with database.writing() as session:
        ids["deliveries"].append(_delivery(session, connection["id"], turn["conversation_id"]))
        _second_version(session, desk["id"])
    ids["trials"].append(client.post("/v1/admin/skills/router/trials", json={"version": 2}).json()["id"])


def _delivery(session: Session, connection_id: str, conversation_id: str) -> str:
    connection = session.get_one(Connection, connection_id)
    conversation = session.get_one(Conversation, conversation_id)
    row = Delivery(connection_id=connection.id, conversation_id=conversation.id, payload={}, status="dead")
    session.add(row)
    session.flush()
    return row.id


def _second_version(session: Session, desk_id: str) -> None:
    """Make a candidate of the router: the same prompt again."""
    skill = session.scalars(select(Skill).where(Skill.desk_id == desk_id, Skill.name == "router")).one()
    first = session.get_one(Version, skill.live_version_id)
    same = {name: getattr(first, name) for name in ("skill_id", "digest", "fingerprint", "scorecard", "lineage")}
    session.add(Version(**same, number=2))
