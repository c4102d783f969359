"""Which rows two versions can fairly be compared on."""

from collections.abc import Collection, Sequence

from skills.gate import Judged, NeedsHuman, Sure
from skills.kinds.sentiment import asks_plainly, names_a_human
from skills.prompt import SoftPrompt
from skills.scorecard import Judgement
from skills.skill import Axis, Example

FEWEST_FAIR = 5
"""Gate rows of a new label below which its train rows count too: one row says yes or no by chance."""


def judged_rows(
    candidate: SoftPrompt, live: SoftPrompt, judged: Sequence[Judgement], judged_live: Sequence[Judgement]
) -> list[Judged]:
    """Pair both versions' judgements, for every decision whose label both know."""
    both, overtaken = _known_to_both(candidate, live), set(overtaken_rows(candidate, live, judged))
    rows = []
    for mine, theirs in zip(judged, judged_live, strict=True):
        for unit in mine.right.keys() & theirs.right.keys():
            truth = mine.example.target[unit]
            if unit in both and isinstance(truth, str) and truth not in both[unit]:
                continue
            if truth is None and mine.example.id in overtaken:
                continue
            rows.append(
                Judged(
                    example=mine.example.id,
                    unit=unit,
                    label=str(truth),
                    live_right=theirs.right[unit],
                    candidate_right=mine.right[unit],
                    same_answer=mine.answer(unit) == theirs.answer(unit),
                    request=_explicit_request(mine.example, unit),
                )
            )
    return rows


def overtaken_rows(candidate: SoftPrompt, live: SoftPrompt, judged: Sequence[Judgement]) -> list[str]:
    """Return the examples that were judged out of scope before a label existed that the candidate gives them.

    Nobody could have given them that label, so they say nothing for or against the candidate.
    """
    both = _known_to_both(candidate, live)
    return [
        judgement.example.id
        for judgement in judged
        for unit, known in both.items()
        if unit in judgement.right and judgement.example.target[unit] is None
        if judgement.answer(unit) not in (None, *known)
    ]


def new_label_rows(
    candidate: SoftPrompt, live: SoftPrompt, examples: Sequence[Example]
) -> dict[tuple[str, str], list[Example]]:
    """Return, for each (axis, label) only the candidate knows, the rows it is judged by.

    Gate and golden rows if there are a few; else the rows it was taught with as well, which it must at least
    have learnt.
    """
    found: dict[tuple[str, str], list[Example]] = {}
    old = {axis.name: set(axis.labels) for axis in live.axes}
    for axis in candidate.axes:
        if not axis.exclusive or candidate.retrieves:
            continue
        for label in set(axis.labels) - old.get(axis.name, set()):
            rows = [example for example in examples if example.target.get(axis.name) == label]
            fair = [example for example in rows if example.role in ("gate", "golden")]
            taught = [] if len(fair) >= FEWEST_FAIR else [example for example in rows if example.role == "train"]
            found[axis.name, label] = [*fair, *taught]
    return found


def needing_humans(
    judged: Sequence[Judgement], judged_live: Sequence[Judgement], hands_over: Collection[str]
) -> list[NeedsHuman]:
    """Return the messages that should reach a human, and whether they do under the policy with each version.

    They are requests for a human, which plain words bring through whatever a prompt says, and messages of an intent
    that the desk hands over.
    """

    def reaches(judgement: Judgement) -> bool:
        asks = judgement.answer("asks_for_human") is True or asks_plainly(judgement.example.text)
        return asks or judgement.answer("intent") in hands_over

    return [
        NeedsHuman(mine.example.id, reaches(theirs), reaches(mine))
        for mine, theirs in zip(judged, judged_live, strict=True)
        if mine.example.target.get("asks_for_human") is True or mine.example.target.get("intent") in hands_over
    ]


def sureness(
    candidate: SoftPrompt, live: SoftPrompt, judged: Sequence[Judgement], judged_live: Sequence[Judgement]
) -> list[Sure]:
    """Return how sure both versions are of their best label, on the rows whose label both know."""
    found = []
    for axis in candidate.axes:
        known = _known_to_both(candidate, live).get(axis.name, set(axis.labels) if candidate.retrieves else set())
        for mine, theirs in zip(judged, judged_live, strict=True):
            truth = mine.example.target.get(axis.name)
            if axis.exclusive and truth in known:
                own, other = (next(v for v in j.verdicts if v.axis == axis.name) for j in (mine, theirs))
                found.append(Sure(other.confidence, other.label == truth, own.confidence, own.label == truth))
    return found


def _known_to_both(candidate: SoftPrompt, live: SoftPrompt) -> dict[str, set[str]]:
    """Return the labels both versions know, for every axis whose labels are learnt."""
    if candidate.retrieves:
        return {}
    old: dict[str, Axis] = {axis.name: axis for axis in live.axes}
    return {
        axis.name: set(axis.labels) & set(old[axis.name].labels)
        for axis in candidate.axes
        if axis.exclusive and axis.name in old
    }


def _explicit_request(example: Example, unit: str) -> bool:
    asks = unit == "asks_for_human" and example.target[unit] is True
    return asks and example.role == "golden" and names_a_human(example.text)
