"""`frostdesk prove-isolation`: on the demo desk with the real backbone, with a skill that has little to learn."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from agent.database import Database
from agent.office import Office
from agent.retrainings import claim, end, open_retraining
from agent.tables import Artefact, Desk, Example, Promotion, Retraining, Skill, Version
from frostdesk.proof import prove
from frostdesk.retraining import carry_through
from tests.conftest import wait_for
from tests.frostdesk.conftest import Result, refused, shown
from tests.vendor import ON_SQLITE

KEPT = {"train": 32, "calibration": 100, "gate": 100}
CLAIMS = ["backbone", "versions", "answers", "neighbours", "swapped", "retrained"]
OTHERS = ["faq", "router", "sentiment"]


def shorten(database: Database) -> None:
    """Leave the classification few examples, so that it trains in seconds."""
    with database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        for role, kept in KEPT.items():
            rows = select(Example.id).where(Example.skill_id == skill.id, Example.role == role)
            surplus = session.scalars(rows.order_by(Example.digest).offset(kept)).all()
            session.execute(delete(Example).where(Example.id.in_(surplus)))


@pytest.fixture
def folder(demo_file: Path, tmp_path: Path) -> Iterator[tuple[Path, Database]]:
    """The data folder of an installation that does not run, and its database."""
    data = tmp_path / "data"
    data.mkdir()
    path = shutil.copy(demo_file, data / "frostdesk.db")
    database = Database(f"sqlite:///{path}", pool=2)
    shorten(database)
    yield data, database
    database.close()


def command(data: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command on a data folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "frostdesk", "prove-isolation", *arguments],
        env={**os.environ, "FROSTDESK_DATA": str(data), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that starts the tests in the background lets them ignore Ctrl-C, and whatever they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def ended(process: subprocess.Popen[str]) -> Result:
    """Wait for the command's end."""
    with process:
        said, complained = process.communicate(timeout=900)
    return Result(process.args, process.returncode, said, complained)


@ON_SQLITE
@pytest.mark.slow
def test_a_candidate_that_waits_for_a_yes_is_proof_enough(office: Office) -> None:
    shorten(office.database)
    with office.database.writing() as session:
        session.scalars(select(Desk)).one().policy = {"approve": True}
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        session.get_one(Version, skill.live_version_id).status = "retired"
        skill.live_version_id = None  # a first version always passes the gate
    proof = prove(office, None, "classification", 20, lambda _: None)
    assert (proof.against, proof.retraining.status, proof.live) == ([], "held", None)
    assert proof.candidate is not None


@ON_SQLITE
@pytest.mark.slow
def test_a_retraining_leaves_everything_else_as_it_was(office: Office) -> None:
    shorten(office.database)
    stages: list[dict[str, Any]] = []
    proof = prove(office, None, "classification", 120, stages.append)
    assert proof.against == []
    assert [(claim.name, claim.holds) for claim in proof.claims] == [(name, True) for name in CLAIMS]
    figures = {claim.name: claim.figures for claim in proof.claims}
    assert figures["backbone"]["fingerprint"] == office.backbone.fingerprint
    assert {name: row["version"] for name, row in figures["versions"]["skills"].items()} == dict.fromkeys(OTHERS, 1)
    assert figures["answers"] == {"skills": OTHERS, "messages": 120}
    assert figures["neighbours"]["rows"] == figures["swapped"]["rows"] == 4 * 120
    assert figures["neighbours"]["largest_difference"] < figures["neighbours"]["allowed"]
    assert figures["retrained"]["prefix_moved"] > 0.1
    with office.database.reading() as session:
        row = session.scalars(select(Retraining)).one()
        candidate = session.get_one(Version, row.candidate_id)
    assert (row.id, row.actor, row.seed, row.attempt) == (proof.retraining.id, "frostdesk prove-isolation", 1, 1)
    assert (candidate.number, candidate.digest) == (2, figures["retrained"]["digest"])
    assert stages[0] == {"stage": "reading 120 messages"}
    assert any(stage.get("stage") == "training" for stage in stages)


@pytest.mark.slow
def test_the_proof_as_json_says_what_is_live_and_how_to_undo(folder: tuple[Path, Database]) -> None:
    data, database = folder
    found = shown(ended(command(data, "classification", "--messages", "40", "--desk", "pennywhistle", "--json")))
    assert (found["holds"], found["desk"], found["skill"], found["messages"]) == (
        True,
        "pennywhistle",
        "classification",
        40,
    )
    assert [(claim["name"], claim["holds"], claim["differences"]) for claim in found["claims"]] == [
        (name, True, []) for name in CLAIMS
    ]
    with database.reading() as session:
        row = session.scalars(select(Retraining)).one()
        skill = session.get_one(Skill, row.skill_id)
        live = session.get_one(Version, skill.live_version_id)
        moves = len(session.scalars(select(Promotion).where(Promotion.retraining_id == row.id)).all())
    assert found["retraining"] == {"id": row.id, "status": row.status, "reason": row.decision["reason"]}
    assert found["versions"] == {"before": 1, "candidate": 2, "live": live.number}
    assert (row.status, live.number, moves) in [("promoted", 2, 1), ("refused", 1, 0)]
    undo = "frostdesk rollback classification --desk pennywhistle"
    assert found["undo"] == (undo if live.number == 2 else None)


@pytest.mark.slow
def test_a_byte_of_another_skill_that_changes_meanwhile_is_named(folder: tuple[Path, Database]) -> None:
    data, database = folder
    process = command(data, "classification", "--messages", "40")
    wait_for(lambda: process.poll() is not None or _running(database), 120)
    with database.writing() as session:
        of_mood = (
            select(Version.digest).join(Skill, Skill.live_version_id == Version.id).where(Skill.name == "sentiment")
        )
        artefact = session.get_one(Artefact, session.scalars(of_mood).one())
        middle = len(artefact.content) // 2
        changed = bytes([artefact.content[middle] ^ 1])
        artefact.content = artefact.content[:middle] + changed + artefact.content[middle + 1 :]
    result = ended(process)
    assert result.returncode == 1, result
    marks = [line.split()[0] for line in result.stdout.splitlines()[1:7]]
    assert marks == ["✓", "✗", "✗", "✓", "✓", "✓"]
    assert "Version 2 of classification" in result.stdout
    assert "is live." in result.stdout
    assert result.stderr.startswith("frostdesk: Not everything stayed as it was. 'sentiment': the stored bytes")
    assert result.stderr.count("'sentiment'") == 2
    for other in ("backbone", "faq", "router"):
        assert other not in result.stderr


def test_ctrl_c_stops_the_training_too(folder: tuple[Path, Database]) -> None:
    data, database = folder
    process = command(data, "faq", "--messages", "5")
    wait_for(lambda: process.poll() is not None or _running(database), 120)
    process.send_signal(signal.SIGINT)
    assert ended(process).returncode not in {0, 1, 2}
    with database.reading() as session:
        assert session.scalars(select(Retraining.status)).all() == ["cancelled"]


def _running(database: Database) -> bool:
    with database.reading() as session:
        return session.scalar(select(Retraining.status)) not in (None, "queued")


def test_what_cannot_be_proven_is_bad_input(folder: tuple[Path, Database], tmp_path: Path) -> None:
    data, database = folder
    assert "no skill called 'umbrella'" in refused(ended(command(data, "umbrella")), 2)
    assert "no desk called 'other'" in refused(ended(command(data, "--desk", "other")), 2)
    assert "frostdesk migrate" in refused(ended(command(tmp_path / "empty")), 2)
    assert ended(command(data, "--messages", "0")).returncode == 2
    with database.writing() as session:
        faq = session.scalars(select(Skill).where(Skill.name == "faq")).one()
        job = open_retraining(session, faq, "call", "ana").id
    assert "under way already" in refused(ended(command(data, "faq", "--messages", "5")), 2)
    with database.writing() as session:
        session.execute(update(Retraining).where(Retraining.id == job).values(status="cancelled"))
        session.execute(delete(Example).where(Example.skill_id == faq.id, Example.role == "train"))
    said = refused(ended(command(data, "faq", "--messages", "5", "--json")), 2)
    assert "'faq' has 0 training examples" in said
    with database.writing() as session:
        session.execute(update(Skill).where(Skill.name != "faq").values(live_version_id=None))
    assert "nothing to compare" in refused(ended(command(data, "faq", "--messages", "5")), 2)


def test_a_retraining_that_another_worker_took_is_waited_for(office: Office) -> None:
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "faq")).one()
        job = open_retraining(session, skill, "call", "ana").id
        taken = claim(session, job, "another worker")
    assert taken is not None
    seen, found = threading.Event(), []
    waiting = threading.Thread(target=lambda: found.append(carry_through(office, job, lambda _: seen.set())))
    waiting.start()
    assert seen.wait(30)
    assert found == []
    with office.database.writing() as session:
        end(session, taken, "refused", decision={"reason": "theirs"})
    waiting.join(30)
    assert [(row.status, row.attempt, row.worker) for row in found] == [("refused", 1, "another worker")]
