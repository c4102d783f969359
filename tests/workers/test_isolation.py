"""What a retraining must leave alone is measured, and every kind of change is noticed."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sqlalchemy import select

from agent.examples import add_example, desk_texts
from agent.office import Office
from agent.promotions import promote
from agent.releases import read_artefact
from agent.tables import Artefact, Desk, Example, Skill, Version
from skills.backbone import Backbone
from skills.calibration import ExclusiveCalibration, Logistic
from skills.checkpoint import pack, unpack
from skills.loading import load_backbone
from skills.prompt import SoftPrompt
from skills.skill import Axis
from tests.alteration import alter_one_number
from tests.workers.conftest import run
from workers.isolation import Observation, differences, observe
from workers.neighbours import TOLERANCE, read_among, read_apart

MESSAGES = 320


def some_prompt(backbone: Backbone) -> SoftPrompt:
    """A prompt of random numbers that tells three topics apart."""
    torch.manual_seed(3)
    sizes, topics = backbone.dimensions, ("cards", "transfers", "login")
    head = {
        "label.vectors": torch.randn(3, sizes.hidden),
        "label.bias": torch.randn(3),
        "label.scale": torch.full((3,), 20.0),
        "probe.vectors": torch.randn(3, sizes.hidden),
        "probe.bias": torch.randn(3),
    }
    line = Logistic(1.0, 0.0, 0.0)
    return SoftPrompt(
        skill="urgency",
        kind="classification",
        instruction="decide",
        fingerprint=backbone.fingerprint,
        axes=(Axis("topic", topics),),
        prefix=torch.randn(sizes.layers, 2, 8, sizes.width),
        head=head,
        calibration={"topic": ExclusiveCalibration(1.0, 0.5, line, line, 0.5, 100)},
    )


@pytest.fixture
def two(small: Office) -> Office:
    """The small desk with a second skill that has a live version, and texts of its own."""
    digest, content = pack(some_prompt(small.backbone), small.backbone.dimensions)
    with small.database.writing() as session:
        desk = session.scalars(select(Desk)).one()
        second = Skill(desk_id=desk.id, name="urgency", kind="classification")
        session.add_all([second, Artefact(digest=digest, content=content)])
        session.flush()
        version = Version(skill_id=second.id, number=1, digest=digest, fingerprint=small.backbone.fingerprint)
        session.add(version)
        session.flush()
        promote(session, second, version, None, "ana", "made for this test")
        for row in session.scalars(select(Example).where(Example.role == "gate")).all():
            add_example(session, second, row.text, {}, "test", "gate")
    return small


def seen(office: Office) -> Observation:
    """What is left alone when the classification is retrained."""
    with office.database.reading() as session:
        desk = session.scalars(select(Desk)).one()
        texts = desk_texts(session, desk.id, MESSAGES)
    return observe(office, desk.id, "classification", texts)


def found(before: Observation, after: Observation) -> list[tuple[str, str]]:
    return [(row.claim, row.sentence) for row in differences(before, after)]


def live_prompt(office: Office, name: str = "urgency") -> tuple[str, SoftPrompt]:
    """The id of a skill's live version, and its prompt."""
    with office.database.reading() as session:
        version = session.scalars(
            select(Version).join(Skill, Skill.live_version_id == Version.id).where(Skill.name == name)
        ).one()
    content = read_artefact(office.database, version.digest)
    return version.id, unpack(content, version.digest, office.backbone)


def put_in_place(office: Office, prompt: SoftPrompt) -> None:
    """Let the urgency's live version name other bytes: a well-formed prompt, but not the one that was."""
    version_id, _ = live_prompt(office)
    digest, content = pack(prompt, office.backbone.dimensions)
    with office.database.writing() as session:
        session.add(Artefact(digest=digest, content=content))
        session.flush()
        session.get_one(Version, version_id).digest = digest


def test_a_retraining_of_another_skill_changes_nothing(two: Office) -> None:
    before = seen(two)
    assert run(two, name="classification").status == "promoted"
    after = seen(two)
    assert found(before, after) == []
    assert list(after.skills) == ["urgency"]
    answers = after.skills["urgency"].answers
    assert answers is not None
    assert len(answers.opinions) == len(answers.verdicts) == len(after.tokens) == MESSAGES
    assert {len(opinion) for opinion in answers.opinions} == {2 * 3 * 4}, "two opinions, three labels, four bytes each"
    assert len(set(answers.opinions)) > 100, "messages differ, so their scores do"


def test_one_byte_of_what_is_stored(two: Office) -> None:
    before = seen(two)
    with two.database.writing() as session:
        version = session.get_one(Version, live_prompt(two)[0])
        artefact = session.get_one(Artefact, version.digest)
        spoilt = bytearray(artefact.content)
        spoilt[len(spoilt) // 2] ^= 1
        artefact.content = bytes(spoilt)
    assert found(before, seen(two)) == [
        ("versions", "'urgency': the stored bytes of its live prompt changed."),
        ("answers", "'urgency': its stored bytes cannot be read as a prompt."),
    ]


def test_one_number_of_a_prefix(two: Office) -> None:
    before, prompt = seen(two), live_prompt(two)[1]
    prefix = prompt.prefix.clone()
    prefix[0, 0, 0, 0] += 0.5
    put_in_place(two, replace(prompt, prefix=prefix))
    (versions, bytes_changed), (answers, scores), *verdicts = found(before, seen(two))
    assert (versions, answers) == ("versions", "answers")
    assert bytes_changed == "'urgency': the stored bytes of its live prompt changed."
    assert re.fullmatch(r"'urgency': other scores for 3\d\d of 320 messages\.", scores), "rounding may spare some"
    assert "other verdicts" in verdicts[0][1]


def test_one_number_of_a_calibration_changes_verdicts_alone(two: Office) -> None:
    before, prompt = seen(two), live_prompt(two)[1]
    lines = prompt.calibration["topic"]
    put_in_place(two, replace(prompt, calibration={"topic": replace(lines, prompt=lines.prompt * 2)}))
    assert [sentence.split(":")[1].split(" for ")[0] for _, sentence in found(before, seen(two))] == [
        " the stored bytes of its live prompt changed.",
        " other verdicts",
    ]


def test_another_version_that_is_live(two: Office) -> None:
    before = seen(two)
    with two.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "urgency")).one()
        old = session.get_one(Version, skill.live_version_id)
        twin = Version(skill_id=skill.id, number=2, digest=old.digest, fingerprint=old.fingerprint)
        session.add(twin)
        session.flush()
        promote(session, skill, twin, old.id, "ana", "a twin with the same bytes")
    assert found(before, seen(two)) == [("versions", "'urgency': version 1 was live, now version 2 is.")]


def test_one_number_of_the_backbone_in_memory(two: Office, tiny_folder: Path) -> None:
    own = replace(two, backbone=load_backbone(str(tiny_folder), "float32"))
    before = seen(own)
    alter_one_number(own.backbone, "1.contract.weight")
    named = found(before, seen(own))
    assert named[0] == ("backbone", "The backbone's weights changed in memory.")
    assert {claim for claim, _ in named[1:]} == {"answers"}


def test_one_number_of_the_backbones_files(two: Office, tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    own = replace(two, backbone=load_backbone(str(folder), "float32"))
    before = seen(own)
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][0] += 1e-6
    save_file(weights, folder / "model.safetensors")
    assert found(before, seen(own)) == [("backbone", "The files of the backbone changed.")]


@pytest.mark.parametrize("length", [8, 3])
def test_rows_beside_any_prompt_are_as_they_were_alone(two: Office, tiny: Backbone, length: int) -> None:
    observed, sizes = seen(two), tiny.dimensions
    torch.manual_seed(6)
    stranger = replace(live_prompt(two)[1], prefix=torch.randn(sizes.layers, 2, length, sizes.width) * 5)
    among, apart = read_among(tiny, observed, stranger), read_apart(observed)
    assert among.shape == apart.shape == (MESSAGES, 2, sizes.hidden)
    assert (among - apart).abs().max() <= TOLERANCE[torch.float32]
    other = replace(stranger, prefix=torch.randn_like(stranger.prefix))
    assert torch.equal(read_among(tiny, observed, other), among)


def test_messages_are_the_desks_own_and_come_again_with_a_number(two: Office) -> None:
    with two.database.reading() as session:
        desk = session.scalars(select(Desk)).one()
        texts = desk_texts(session, desk.id, 600)
        assert desk_texts(session, desk.id, 600) == texts
    assert len(set(texts)) == 600
    assert len(set(texts[:292])) == 292, "both skills have the same texts, and each is read once"
    assert texts[292] == f"{texts[0]} 2"
    assert texts[584] == f"{texts[0]} 3"
