"""Which examples a retraining may learn from: of what came out of conversations, not too much of one hand.

Rows that somebody imported are the desk's own choice and are all taken. What is left out, and why, is part of the
snapshot; doubted rows go back to the review queue (docs/decisions/0009).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.corrections import Origin
from agent.examples import as_shapes
from agent.phrasings import has_alike
from agent.tables import Example
from skills import skill as shapes
from skills.backbone import Backbone
from skills.doubt import doubtful
from skills.phrases import Suspect, suspects
from skills.skill import render

MOST_OF_A_CUSTOMER = 10
MOST_OF_A_REVIEWER_A_DAY = 200
SAME_WORDS = 92.0
"""Token-sorted similarity (0 to 100) from which two texts of one target teach the same."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows to learn from, the ids left out by reason, and by id what `Example.doubt` shall say of doubted rows.

    `suspects` are phrases that labels seem to hang on, as (phrase, unit, label): the gate tries them.
    """

    kept: list[Example]
    left_out: dict[str, list[str]]
    doubts: dict[str, dict[str, Any]]
    suspects: list[tuple[str, str, str | bool | None]]


def select_rows(
    backbone: Backbone, ready: shapes.Skill, rows: Sequence[Example], origins: Mapping[str, Origin]
) -> Selection:
    """Choose among a skill's examples. Only train rows that a correction made can be left out."""
    corrected = [row for row in rows if row.role == "train" and row.correction_id in origins]
    corrected.sort(key=lambda row: (row.created_at, row.id))
    own = {row.id for row in corrected}
    reasons = _repeated(corrected, [row for row in rows if row.role == "train" and row.id not in own])
    reasons |= _over_the_caps([row for row in corrected if row.id not in reasons], origins)
    doubts, found = _doubts(backbone, ready, [row for row in rows if row.id not in reasons], own)
    reasons |= {row_id: "planted" if "phrase" in doubt else "doubted" for row_id, doubt in doubts.items()}
    left_out: dict[str, list[str]] = {}
    for row_id, reason in reasons.items():
        left_out.setdefault(reason, []).append(row_id)
    tried = [(suspect.phrase, suspect.unit, suspect.label) for suspect in found]
    return Selection([row for row in rows if row.id not in reasons], left_out, doubts, tried)


def _repeated(corrected: Sequence[Example], imported: Sequence[Example]) -> dict[str, str]:
    """Name the corrected rows, oldest first, whose words and target an imported or an earlier row has."""
    known, found = dict[str, list[str]](), dict[str, str]()
    for row in imported:
        known.setdefault(str(row.target), []).append(row.text)
    for row in corrected:
        texts = known.setdefault(str(row.target), [])
        if has_alike(row.text, texts, SAME_WORDS):
            found[row.id] = "repeated"
        else:
            texts.append(row.text)
    return found


def _over_the_caps(corrected: Sequence[Example], origins: Mapping[str, Origin]) -> dict[str, str]:
    """Name what one customer wrote, or one reviewer judged on one day, beyond a fair share; the earliest stay."""
    counts, found = Counter[object](), dict[str, str]()
    for row in corrected:
        origin = origins[str(row.correction_id)]
        of_a_day = (origin.reviewer, origin.day)
        if counts[origin.customer] >= MOST_OF_A_CUSTOMER:
            found[row.id] = "customer"
        elif counts[of_a_day] >= MOST_OF_A_REVIEWER_A_DAY:
            found[row.id] = "reviewer"
        else:
            counts.update((origin.customer, of_a_day))
    return found


def _doubts(
    backbone: Backbone, ready: shapes.Skill, rows: Sequence[Example], own: set[str]
) -> tuple[dict[str, dict[str, Any]], list[Suspect]]:
    """Return what neighbours say of the rows they speak against or that hang on a phrase, and the suspected phrases.

    Rows settled by a second judgement are believed.
    """
    train = [row for row in rows if row.role == "train"]
    asked = [place for place, row in enumerate(train) if row.id in own and "settled" not in row.doubt]
    if not asked:
        return {}, []
    states = backbone.embed([render(row.text) for row in train])
    told = [text for group in (ready.passages or {}).values() for text in group]
    passages = backbone.embed([render(text) for text in told]) if told else None
    taught = as_shapes(train)
    found: dict[int, dict[str, Any]] = {
        place: {"rather": says} for place, says in doubtful(ready, taught, states, asked, passages).items()
    }
    suspected = suspects(ready, taught, states, asked, backbone.embed)
    for suspect in suspected:
        if suspect.planted:
            found |= {row: {"rather": {}, **found.get(row, {}), "phrase": suspect.phrase} for row in suspect.rows}
    return {train[place].id: doubt for place, doubt in found.items()}, suspected
