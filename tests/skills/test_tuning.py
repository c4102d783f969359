"""tune() on a tiny backbone: it learns, it moves the prefix, it leaves the backbone alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from skills.arms import ARMS, draw_shots, label_arms, search_arms
from skills.backbone import Backbone
from skills.budget import UNMEASURED
from skills.errors import BackboneChanged, CannotTune, TuningCancelled
from skills.loading import load_backbone
from skills.objectives import LabelObjective
from skills.recipe import Recipe
from skills.scorecard import judge, scorecard
from skills.skill import Axis, Example, Skill
from skills.training import Step, batches, read_as
from skills.tuning import learnt_rows, seed_prefix, splits, tune
from tests.alteration import alter_one_number

INTENTS = Axis("intent", ("card", "transfer", "login"), rejects="out_of_scope")
MOOD = Axis("mood", ("angry",), exclusive=False, must_catch=("angry",))
SKILL = Skill("router", "router", "decide which of these it is", (INTENTS, MOOD))
NOISY = Recipe(epochs=6, prompt_tokens=4)
QUICK = replace(NOISY, word_dropout=0.0, mistyped=0.0, addressed=0.0, joined=0.0, label_names=0)
"""What a tiny encoder of random weights can learn from; real ones learn from noise as well."""


def judged(count: int = 60) -> list[Example]:
    """Judged texts whose label any encoder can see in the words."""
    words = {"card": "my plastic card number", "transfer": "send money abroad", "login": "password app open"}
    labels = list(words)
    rows = [
        Example(f"{words[labels[n % 3]]} please {n}", {"intent": labels[n % 3], "angry": n % 2 == 0}, id=f"e{n}")
        for n in range(count)
    ]
    return rows + [Example(f"weather in town {n}", {"intent": None}, id=f"o{n}") for n in range(count // 6)]


@pytest.fixture(scope="module")
def tuned(tiny: Backbone) -> Any:
    return tune(tiny, SKILL, judged(), QUICK)


def test_it_learns_what_the_words_say(tuned: Any, tiny: Backbone) -> None:
    asked = [
        Example("plastic card number", {"intent": "card"}),
        Example("send money", {"intent": "transfer"}),
    ]
    card = scorecard(tuned.prompt.axes, judge(tiny, tuned.prompt, asked))
    assert card["intent"]["label_accuracy"] == 1.0


def test_the_prefix_moved_and_the_backbone_did_not(tuned: Any, tiny: Backbone) -> None:
    start = seed_prefix(tiny, SKILL.instruction, 4)
    assert (tuned.prompt.prefix - start).abs().max() > 0.01
    tiny.verify()
    assert tuned.prompt.fingerprint == tiny.fingerprint


def test_a_seed_decides_everything(tuned: Any, tiny: Backbone) -> None:
    again, other = tune(tiny, SKILL, judged(), QUICK), tune(tiny, SKILL, judged(), QUICK, seed=1)
    assert torch.equal(again.prompt.prefix, tuned.prompt.prefix)
    assert not torch.equal(other.prompt.prefix, tuned.prompt.prefix)


def test_the_prefix_starts_from_the_instruction(tiny: Backbone) -> None:
    start = seed_prefix(tiny, SKILL.instruction, 100)
    kept = tiny.activations(SKILL.instruction)
    assert torch.equal(start[:, :, : kept.shape[2]], kept)
    assert start.shape[2] == 100
    assert seed_prefix(tiny, SKILL.instruction, 0).shape[2] == 0


def test_the_lower_third_of_the_layers_has_no_prompt(backbone: Backbone, tiny: Backbone) -> None:
    recipe = Recipe.for_rows(100)
    late, whole = (seed_prefix(backbone, SKILL.instruction, 8, first) for first in (recipe.first_layer(6), 0))
    assert (len(late), len(whole)) == (4, 6)
    assert torch.equal(late, whole[2:])
    assert len(seed_prefix(tiny, SKILL.instruction, 8, recipe.first_layer(2))) == 2


def test_steps_are_reported_and_cancelling_stops(tiny: Backbone) -> None:
    seen: list[Step] = []

    def on_step(step: Step) -> None:
        seen.append(step)
        if step.done == 5:
            raise TuningCancelled("enough")

    with pytest.raises(TuningCancelled):
        tune(tiny, SKILL, judged(), QUICK, on_step=on_step)
    assert [step.done for step in seen] == [1, 2, 3, 4, 5]
    assert seen[0].total > 5
    assert seen[-1].seconds_left > 0


def test_fits_that_only_calibrate_take_fewer_epochs(tiny: Backbone) -> None:
    seen: list[Step] = []
    tune(tiny, SKILL, judged(), QUICK, on_step=seen.append)
    assert (seen[-1].done, seen[-1].epochs) == (seen[-1].total, QUICK.epochs)
    assert seen[0].epochs == QUICK.without_a_part().epochs < QUICK.epochs
    assert replace(QUICK, epochs=0).without_a_part().epochs == 0
    assert replace(QUICK, epochs=1).without_a_part().epochs == 1


def test_a_changed_backbone_fails_the_run(tiny_folder: Path) -> None:
    mine = load_backbone(str(tiny_folder), "float32")

    def meddle(step: Step) -> None:
        if step.done == 2:
            alter_one_number(mine, "0.expand.weight", by=1)

    with pytest.raises(BackboneChanged):
        tune(mine, SKILL, judged(), QUICK, on_step=meddle)


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        (judged()[:3], "needs at least 8"),
        ([replace(e, target={"intent": "card"}) for e in judged()], "have one label"),
        ([*judged(), Example("x", {"intent": "bitcoin"}, id="e99")], "e99: intent 'bitcoin' is not known"),
    ],
)
def test_examples_that_teach_nothing_are_a_clear_error(examples: list[Example], words: str, tiny: Backbone) -> None:
    with pytest.raises(CannotTune, match=words):
        tune(tiny, SKILL, examples, QUICK)


def test_unknown_labels_are_masked_not_false(tiny: Backbone) -> None:
    known = judged()
    unknown = [Example(f"send money abroad {n}", {"intent": "transfer"}) for n in range(40)]
    with_unknown = tune(tiny, SKILL, known + unknown, QUICK).held_out
    told = [e for e in with_unknown.examples if "angry" in e.target]
    assert 0 < len(told) < len(with_unknown.examples)


def test_calibration_rows_are_used_instead_of_cross_fitting(tiny: Backbone) -> None:
    extra = [replace(e, role="calibration", text=f"{e.text} indeed") for e in judged(120)]
    held = tune(tiny, SKILL, judged() + extra, QUICK).held_out
    assert {e.role for e in held.examples} == {"calibration"}


def test_parts_keep_groups_together_and_labels_spread() -> None:
    rows = [replace(e, group=f"g{n // 2}") for n, e in enumerate(judged())]
    for rest, out in splits(SKILL, rows, Recipe(1), seed=0):
        assert not {e.group for e in rest} & {e.group for e in out}
        assert {e.target.get("intent") for e in out} == {"card", "transfer", "login", None}


def test_batches_hold_every_row_once() -> None:
    import random

    rows = [tuple(range(n % 17)) for n in range(300)]
    cut = batches(rows, 32, random.Random(0))
    assert sorted(row for batch in cut for row in batch) == list(range(300))


def test_the_four_arms_have_the_same_keys(tiny: Backbone) -> None:
    skill = replace(SKILL, axes=(INTENTS,))
    rows = [replace(e, target={"intent": e.target["intent"]}) for e in judged()]
    found = label_arms(tiny, skill, rows, rows, 0)
    assert tuple(found) == ARMS
    keys = {
        "accuracy",
        "macro_f1",
        "auroc",
        "f1",
        "oos_auroc",
        "oos_recall",
        "in_scope_kept",
        "ece",
        "train_seconds",
    }
    assert all(set(arm) == keys for arm in found.values())
    assert found["skill"]["accuracy"] > 0.9  # type: ignore[operator]


def test_search_arms_rank_articles(tiny: Backbone) -> None:
    passages = {f"a{n}": (f"question about {word}",) for n, word in enumerate(("cards", "fees", "login", "pots"))}
    skill = Skill("faq", "faq", "find it", (Axis("article", tuple(passages), rejects="likely_wrong"),), passages)
    rows = [
        Example(f"tell me of {word} {n}", {"article": f"a{i}"})
        for i, word in enumerate(("cards", "fees", "login", "pots"))
        for n in range(5)
    ]
    asked = [*rows, Example("the weather", {"article": None})]
    found = search_arms(tiny, skill, rows, asked, 0)
    assert set(found["skill"]) == {"recall_at_1", "recall_at_3", "mrr", "abstain_auroc", "train_seconds"}
    assert found["skill"]["recall_at_1"] > 0.9  # type: ignore[operator]


def test_shots_are_drawn_repeatably_and_keep_out_of_scope() -> None:
    drawn = draw_shots(judged(), "intent", 4, seed=3)
    assert drawn == draw_shots(judged(), "intent", 4, seed=3)
    assert drawn != draw_shots(judged(), "intent", 4, seed=4)
    assert sum(e.target["intent"] is None for e in drawn) == 10
    assert sum(e.target["intent"] == "card" for e in drawn) == 4


def test_noise_is_part_of_the_recipe_and_the_seed_decides_it(tuned: Any, tiny: Backbone) -> None:
    once, again = (tune(tiny, SKILL, judged(), NOISY).prompt.prefix for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, tuned.prompt.prefix)


def test_a_labels_own_name_is_an_example_of_it() -> None:
    skill = Skill("router", "router", "decide", (Axis("intent", ("lost_card", "top-up", "unseen")),))
    rows = [Example("gone", {"intent": "lost_card"}), Example("more", {"intent": "top-up"})]
    added = learnt_rows(skill, rows, replace(QUICK, label_names=1))[2:]
    assert [(row.text, row.target) for row in added] == [
        ("lost card", {"intent": "lost_card"}),
        ("top up", {"intent": "top-up"}),
    ]
    assert learnt_rows(skill, rows, replace(QUICK, label_names=0)) == rows


def test_of_two_texts_read_as_one_a_label_holds_if_it_holds_for_either(tiny: Backbone) -> None:
    skill = Skill("sentiment", "sentiment", "notice", (MOOD,))
    truths = [True, False, None]
    rows = [Example(f"text {truth}", {"angry": truth}) for truth in truths]
    objective = LabelObjective(skill, rows, torch.randn(3, tiny.dimensions.hidden))
    assert objective.joins
    with torch.no_grad():
        objective.vectors.fill_(1.0)
        objective.scales.fill_(0.0)
        objective.bias.fill_(2.0)
    states = torch.ones(1, tiny.dimensions.hidden)
    holds, holds_not = (torch.nn.functional.softplus(torch.tensor(sign * 3.0)).item() for sign in (-1, 1))
    expected = {(0, 0): holds, (0, 1): holds, (0, 2): holds, (1, 1): holds_not, (1, 2): 0.0, (2, 2): 0.0}
    for (row, partner), loss in expected.items():
        for one, other in ((row, partner), (partner, row)):
            assert objective.loss(states, [one], [other]).item() == pytest.approx(loss, abs=1e-4)
    assert not LabelObjective(SKILL, judged(8), torch.randn(9, tiny.dimensions.hidden)).joins


def test_calibration_rows_say_what_every_error_budget_costs(tuned: Any, tiny: Backbone) -> None:
    assert tuned.prompt.calibration["intent"].risk == UNMEASURED, "no row had the role calibration"
    fresh = [replace(row, role="calibration", text=f"{row.text} today") for row in judged(120)]
    risk = tune(tiny, SKILL, [*judged(), *fresh], QUICK).prompt.calibration["intent"].risk
    assert risk.rows == len(fresh)
    assert 0 < risk.answered[-1] <= risk.rows
    assert list(risk.answered) == sorted(risk.answered)


def test_a_few_rows_more_do_not_change_what_training_reads_of_the_others(tiny: Backbone) -> None:
    texts = ["please change the number on my card", "where is my parcel today"]
    noisy = replace(NOISY, mistyped=1.0, addressed=1.0)
    alone = read_as(tiny, texts, noisy, "0 1")
    assert read_as(tiny, ["another text before them", *texts], noisy, "0 1")[1:] == alone
    assert read_as(tiny, texts, noisy, "0 2") != alone
    assert read_as(tiny, texts, QUICK, "0 1") == tiny.tokenize(texts, QUICK.prompt_tokens)
