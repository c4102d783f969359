"""A version whose bytes are not what they should be never answers, whatever the pointer says."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.conversations import Said
from agent.desks import touch_desk
from agent.office import Office
from agent.promotions import promote
from agent.releases import Releases, read_artefact
from agent.tables import Artefact, Skill, Turn, Version
from agent.turn import take_turn
from skills.checkpoint import pack, unpack
from skills.store import Store
from skills.vectors import Vectors

Spoil = Callable[[str, bytes], tuple[str, bytes]]


def damaged(digest: str, content: bytes) -> tuple[str, bytes]:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return digest, bytes(changed)


def cut(digest: str, content: bytes) -> tuple[str, bytes]:
    return digest, content[:-200]


def forged(_digest: str, content: bytes) -> tuple[str, bytes]:
    return "a" * 64, content


def pickled(digest: str, _content: bytes) -> tuple[str, bytes]:
    return digest, pickle.dumps({"label.bias": [1.0]})


def sound(digest: str, content: bytes) -> tuple[str, bytes]:
    return digest, content


def put_live(office: Office, spoil: Spoil, fingerprint: str) -> str:
    """Make version 2 of the router live, as whoever can write to the database could; return the desk's id."""
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        live = session.get_one(Version, skill.live_version_id)
        prompt = unpack(read_artefact(office.database, live.digest), live.digest, office.backbone)
        second = replace(prompt, lineage={"made": "again"}, fingerprint=fingerprint)
        digest, content = spoil(*pack(second, office.backbone.dimensions))
        session.add(Artefact(digest=digest, content=content))
        session.flush()
        version = Version(skill_id=skill.id, number=2, digest=digest, fingerprint=fingerprint)
        session.add(version)
        session.flush()
        promote(session, skill, version, live.id, "mallory", "by hand")
        return skill.desk_id


def router_of(office: Office, desk_id: str) -> int | None:
    """Return the number of the router's version in a turn that is taken now."""
    turn_id = take_turn(office, desk_id, Said("my card still hasn't come", "chat"))["turn_id"]
    with office.database.reading() as session:
        used = session.get_one(Turn, turn_id).versions.get("router")
        return session.get_one(Version, used).number if used else None


@pytest.mark.parametrize(
    ("spoil", "fingerprint"),
    [(damaged, None), (cut, None), (forged, None), (pickled, None), (sound, "f" * 64)],
    ids=["damaged", "cut", "forged", "pickled", "foreign"],
)
def test_what_does_not_verify_leaves_the_old_version_answering(
    office: Office, spoil: Spoil, fingerprint: str | None
) -> None:
    with office.database.reading() as session:
        desk_id = session.scalars(select(Skill.desk_id).where(Skill.name == "router")).one()
    assert router_of(office, desk_id) == 1
    put_live(office, spoil, fingerprint or office.backbone.fingerprint)
    office.releases.refresh(desk_id)
    assert router_of(office, desk_id) == 1


def test_a_process_that_starts_beside_damaged_bytes_answers_without_that_skill_until_they_are_mended(
    office: Office, tmp_path: Path
) -> None:
    desk_id = put_live(office, damaged, office.backbone.fingerprint)
    store = Store(tmp_path / "other", office.backbone, lambda digest: read_artefact(office.database, digest))
    vectors = Vectors(tmp_path / "other-vectors", office.backbone)
    started = replace(office, releases=Releases(office.database, office.backbone, store, vectors))
    assert router_of(started, desk_id) is None
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        stored = session.get_one(Artefact, session.get_one(Version, skill.live_version_id).digest)
        stored.content = damaged(stored.digest, stored.content)[1]
        touch_desk(session, desk_id)
    started.releases.refresh(desk_id)
    assert router_of(started, desk_id) == 2
