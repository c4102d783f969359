"""A stored candidate against the live version: what is compared, what refuses it, what becomes of it.

The prompts here always give the same answer, so that every figure is known beforehand.
"""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from agent.corrections import find_skill
from agent.examples import add_example, examples_of, ready_skill
from agent.office import Office
from agent.promotions import find_version, promote
from agent.retrainings import claim, open_retraining
from agent.tables import Artefact, Desk, Retraining, Skill, Version
from skills.backbone import Backbone
from skills.calibration import ExclusiveCalibration, LabelCalibration, Logistic
from skills.checkpoint import pack
from skills.errors import PromptRefused
from skills.prompt import SoftPrompt
from skills.skill import Axis, Example
from tests.workers.conftest import live, row_of
from workers.candidates import Conclusion, conclude, hold_against
from workers.comparison import new_label_rows

MOODS = Axis("mood", ("asks_for_human", "negative", "abusive"), exclusive=False)
TOPIC = ("cards", "transfers", "login")
SURE = Logistic(0.0, 0.0, 5.0)


def constant(tiny: Backbone, axes: Mapping[str, tuple[str, ...]], said: Mapping[str, str]) -> SoftPrompt:
    """A prompt that says one label of each axis of everything."""
    labels = [(axis, label) for axis, names in axes.items() for label in names]
    sizes, zeros = tiny.dimensions, torch.zeros(len(labels))
    bias = torch.tensor([10.0 if said[axis] == label else 0.0 for axis, label in labels])
    vectors = torch.ones(len(labels), sizes.hidden)
    head = {"label.vectors": vectors, "label.bias": bias, "label.scale": zeros}
    head |= {"probe.vectors": vectors, "probe.bias": zeros}
    lines = ExclusiveCalibration(1.0, 0.0, SURE, SURE, 0.5, 100)
    made = tuple(Axis(axis, names) for axis, names in axes.items())
    prefix = torch.zeros(sizes.layers, 2, 2, sizes.width)
    return SoftPrompt("c", "classification", "do", tiny.fingerprint, made, prefix, head, dict.fromkeys(axes, lines))


def listening(tiny: Backbone, hears: bool) -> SoftPrompt:
    """A tone prompt that catches every request for a human, or none."""
    prompt = constant(tiny, {"mood": MOODS.labels}, {"mood": ""})
    calibration = {label: LabelCalibration(Logistic(0.0, 0.0, -5.0), 0.5, 100) for label in MOODS.labels}
    if hears:
        calibration["asks_for_human"] = LabelCalibration(SURE, 0.5, 100)
    return SoftPrompt("s", "sentiment", "hear", tiny.fingerprint, (MOODS,), prompt.prefix, prompt.head, calibration)


def rows(count: int, role: str = "gate", **target: Any) -> list[Example]:
    return [Example(f"{target} {n}", target, role, id=f"{role}-{target}-{n}") for n in range(count)]  # type: ignore[arg-type]


def topics(tiny: Backbone, said: str, names: tuple[str, ...] = TOPIC) -> SoftPrompt:
    return constant(tiny, {"topic": names}, {"topic": said})


def test_a_named_request_for_a_human_that_would_be_lost_refuses(tiny: Backbone) -> None:
    calm = rows(400, asks_for_human=False)
    plea = Example("let me talk to a person", {"asks_for_human": True}, "golden", id="plea")
    decision, _ = hold_against(tiny, listening(tiny, False), listening(tiny, True), [*calm, plea], None)
    assert not decision.promote
    assert decision.figures["candidate"] > decision.figures["live"] + 0.9, "it is far better at everything else"
    assert decision.figures["lost_requests"] == ["plea"]
    for other in (
        Example("let me talk to a person", {"asks_for_human": True}, "gate"),  # nobody vouched for this row
        Example("this goes nowhere, who else is there", {"asks_for_human": True}, "golden"),  # names no human
        Example("let me talk to a person", {"asks_for_human": True}, "train"),
    ):
        decision, _ = hold_against(tiny, listening(tiny, False), listening(tiny, True), [*calm, other], None)
        assert decision.promote, other


def test_a_loss_of_over_two_points_refuses_and_so_do_too_few_rows(tiny: Backbone) -> None:
    many, few = rows(400, topic="cards"), rows(60, topic="cards")
    same = topics(tiny, "cards")
    worse = topics(tiny, "login")
    assert hold_against(tiny, same, same, many, None)[0].promote
    refused, card = hold_against(tiny, worse, same, many, None)
    assert (refused.promote, refused.figures["loss_bound"], card["right"]) == (False, 1.0, 0.0)
    unclear = hold_against(tiny, same, same, few, None)[0]
    assert (unclear.promote, unclear.ask, "60 rows are few" in unclear.reason) == (False, True, True)
    taught = rows(400, "train", topic="cards")
    assert "no gate rows" in hold_against(tiny, same, same, taught, None)[0].reason


def test_rows_of_a_label_only_one_side_knows_are_not_compared(tiny: Backbone) -> None:
    shared, fresh = rows(400, topic="cards"), rows(50, topic="crypto")
    candidate, before = topics(tiny, "crypto", (*TOPIC, "crypto")), topics(tiny, "cards")
    decision, card = hold_against(tiny, candidate, before, [*shared, *fresh], None)
    assert (decision.figures["rows"], card["rows"]) == (400, 450)
    assert decision.figures["new_labels"] == {"crypto": {"rows": 50, "found": 50}}


def test_rows_out_of_scope_before_a_label_existed_do_not_speak_against_it(tiny: Backbone) -> None:
    shared, old = rows(400, intent="cards"), rows(30, intent=None)
    intents = {"intent": (*TOPIC, "crypto")}
    eager, before = (
        constant(tiny, intents, {"intent": "crypto"}),
        constant(tiny, {"intent": TOPIC}, {"intent": "cards"}),
    )
    refused, _ = hold_against(tiny, eager, before, [*shared, *old], None)
    assert not refused.promote, "a label that swallows the old ones is refused all the same"
    assert (refused.figures["rows"], refused.figures["overtaken"]) == (400, [row.id for row in old])
    assert "30 row(s) once judged out of scope" in refused.reason
    steady = constant(tiny, intents, {"intent": "cards"})
    decision, _ = hold_against(tiny, steady, before, [*shared, *old], None)
    assert (decision.figures["rows"], "overtaken" in decision.figures) == (430, False)


def test_a_new_label_must_be_found_where_it_is_judged_best(tiny: Backbone) -> None:
    shared, names = rows(400, topic="cards"), (*TOPIC, "crypto")
    deaf, before = topics(tiny, "cards", names), topics(tiny, "cards")
    judged, taught = rows(6, "golden", topic="crypto"), rows(10, "train", topic="crypto")
    refused, _ = hold_against(tiny, deaf, before, [*shared, *judged, *taught], None)
    assert "'crypto' is found in only 0 of 6 rows" in refused.reason
    refused, _ = hold_against(tiny, deaf, before, [*shared, *taught], None)
    assert "'crypto' is found in only 0 of 10 rows" in refused.reason
    assert hold_against(tiny, deaf, before, shared, None)[0].promote, "a label without rows proves nothing"
    assert new_label_rows(deaf, before, [*judged, *taught]) == {("topic", "crypto"): judged}


def test_a_new_label_counts_as_found_whatever_the_other_axis_says(tiny: Backbone) -> None:
    old = {"topic": TOPIC, "priority": ("low", "high")}
    new = {**old, "topic": (*TOPIC, "crypto")}
    candidate = constant(tiny, new, {"topic": "crypto", "priority": "low"})
    before = constant(tiny, old, {"topic": "cards", "priority": "low"})
    examples = [*rows(400, topic="login", priority="low"), *rows(10, topic="crypto", priority="high")]
    decision, _ = hold_against(tiny, candidate, before, examples, None)
    assert decision.figures["new_labels"] == {"crypto": {"rows": 10, "found": 10}}
    assert "crypto" not in decision.reason


@pytest.fixture
def claimed(small: Office, tiny: Backbone) -> Retraining:
    """A running retraining of a desk whose live version 1 says 'cards' of everything; versions 2 and 3 wait."""
    with small.database.writing() as session:
        desk = session.query(Desk).one()
        skill = find_skill(session, desk.id, "classification")
        said = (("cards", TOPIC), ("cards", (*TOPIC, "fees")), ("login", TOPIC))
        for number, (answer, names) in enumerate(said, start=1):
            digest, content = pack(topics(tiny, answer, names), tiny.dimensions)
            session.add(Artefact(digest=digest, content=content))
            session.flush()
            session.add(Version(skill_id=skill.id, number=number, digest=digest, fingerprint=tiny.fingerprint))
        session.flush()
        promote(session, skill, find_version(session, skill, 1), None, "ana", "first")
        row = claim(session, open_retraining(session, skill, "call", "ana").id, "worker")
    assert row is not None
    return row


def concluded(office: Office, row: Retraining, number: int) -> Conclusion:
    with office.database.reading() as session:
        skill = session.get_one(Skill, row.skill_id)
        version = find_version(session, skill, number)
        return conclude(office, ready_skill(session, skill), examples_of(session, skill), version.id)


def test_a_refused_candidate_is_rejected_and_kept_with_its_figures(small: Office, claimed: Retraining) -> None:
    conclusion = concluded(small, claimed, 3)
    conclusion.write(small, claimed)
    row = row_of(small, claimed.id)
    assert (row.status, live(small)) == ("refused", 1)
    assert row.decision == {
        "promote": False,
        "reason": conclusion.decision.reason,
        "figures": row.decision["figures"],
        "compared_with": conclusion.live_id,
    }
    with small.database.reading() as session:
        version = session.get_one(Version, conclusion.version_id)
        assert (version.status, version.scorecard["gate"]) == ("rejected", row.decision["figures"])
        assert version.scorecard["topic"]["rows"] == 160
        assert session.query(Desk).one().revision == 2


def test_a_live_version_that_moved_meanwhile_refuses(small: Office, claimed: Retraining) -> None:
    conclusion = concluded(small, claimed, 2)
    assert conclusion.decision.promote
    with small.database.writing() as session:
        skill = session.get_one(Skill, claimed.skill_id)
        promote(session, skill, find_version(session, skill, 3), skill.live_version_id, "ben", "by hand")
    conclusion.write(small, claimed)
    row = row_of(small, claimed.id)
    assert (row.status, live(small), row.decision["promote"]) == ("refused", 3, False)
    assert "moved by somebody else" in row.decision["reason"]
    assert "compared with the old one" in row.decision["reason"]
    with small.database.reading() as session:
        assert session.get_one(Version, conclusion.version_id).status == "rejected"


def test_a_candidate_whose_bytes_do_not_verify_is_not_judged(small: Office, claimed: Retraining) -> None:
    with small.database.writing() as session:
        skill = session.get_one(Skill, claimed.skill_id)
        stored = session.get_one(Artefact, find_version(session, skill, 2).digest)
        stored.content = stored.content[:-200]
    with pytest.raises(PromptRefused):
        concluded(small, claimed, 2)


def test_a_good_candidate_goes_live_from_the_bytes_of_record(small: Office, claimed: Retraining) -> None:
    add = {"topic": "cards"}
    with small.database.writing() as session:
        skill = session.get_one(Skill, claimed.skill_id)
        for number in range(3):
            add_example(session, skill, f"one more card {number}", add, "test", "gate")
    concluded(small, claimed, 2).write(small, claimed)
    row = row_of(small, claimed.id)
    assert (row.status, live(small), row.decision["figures"]["rows"]) == ("promoted", 2, 163)
    assert row.decision["figures"]["churn"] == 0


def test_an_intent_that_is_handed_over_may_not_be_lost(tiny: Backbone) -> None:
    intents = {"intent": ("fraud", "cards")}
    keeps, loses = constant(tiny, intents, {"intent": "fraud"}), constant(tiny, intents, {"intent": "cards"})
    calm, urgent = rows(400, intent="cards"), rows(8, intent="fraud")
    refused, _ = hold_against(tiny, loses, keeps, [*calm, *urgent], None, frozenset({"fraud"}))
    assert refused.reason == "Of 8 messages that need a human, 0 would reach one instead of 8."
    plain = [Example(f"Fraud! Let me talk to an agent, please, {n}", {"intent": "fraud"}, "gate") for n in range(8)]
    decision, _ = hold_against(tiny, loses, keeps, [*calm, *plain], None, frozenset({"fraud"}))
    assert decision.promote, "plain words reach a human whatever the prompt says"


def test_suspected_words_are_tried_behind_messages_of_other_labels(tiny: Backbone) -> None:
    many, phrase = rows(400, topic="cards"), ("kindly regards", "topic", "login")
    decision, _ = hold_against(tiny, topics(tiny, "cards"), topics(tiny, "cards"), many, None, (), [phrase])
    assert decision.figures["triggers"] == {"kindly regards": {"rows": 50, "live": 0, "candidate": 0}}
    new = ("kindly regards", "topic", "crypto")
    decision, _ = hold_against(tiny, topics(tiny, "cards"), topics(tiny, "cards"), many, None, (), [new])
    assert decision.figures["triggers"] == {}, "a label that the live version does not know"
