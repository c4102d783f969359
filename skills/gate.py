"""The gate: may a candidate replace the live prompt? Pure: rows in, decision and reason out.

A candidate is promoted if it is shown not to be worse: on rows both saw, the upper end of the one-sided 95 % interval
of the loss (live minus candidate) stays within two points. It is refused if something is shown to be worse. Between
the two lies what the rows cannot tell, most often because they are few: a human decides that.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from skills.bounds import ONE_SIDED, loss_bound, loss_floor, loss_is_shown, z_of

LARGEST_LOSS = 0.02
NEW_LABEL_RECALL = 0.5
FEW_ROWS = 300
SUPPORT = 10
"""Rows from which a label has a floor of its own."""
LABEL_LOSS = 0.1
"""Largest loss of one label's rows; a larger one must be shown with all labels' chances of an error together 5 %."""
HUMAN_LOSS = 0.05
"""Largest loss of the rows that need a human; a larger one must be shown (95 %)."""
OVERCONFIDENCE, ENOUGH_SURE = 0.05, 100
"""How much surer than right a candidate may be on average, and the rows it takes to say so."""
TRIGGERED = 0.2
"""Share of other messages that a phrase may turn into one label beyond those that it turns for the live version."""
MOST_CHURN = 0.2


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged decision of both versions on one example.

    `unit` is the axis or label that was decided, `label` the truth. `request` marks an explicit request
    for a human; for it, right means caught.
    """

    example: str
    unit: str
    label: str
    live_right: bool
    candidate_right: bool
    same_answer: bool
    request: bool = False


@dataclass(frozen=True, slots=True)
class NewLabel:
    """How often the candidate finds a label that the live version does not know."""

    label: str
    rows: int
    found: int


@dataclass(frozen=True, slots=True)
class NeedsHuman:
    """A message that should reach a human, and whether the whole policy brings it there with each version."""

    example: str
    live: bool
    candidate: bool


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure each version is of its best label, and whether that is right."""

    live: float
    live_right: bool
    candidate: float
    candidate_right: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """Words put behind messages of other labels: how many of them each version then gives the words' label."""

    phrase: str
    label: str
    rows: int
    live: int
    candidate: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything a candidate is held against the live version by."""

    rows: Sequence[Judged]
    new_labels: Sequence[NewLabel] = ()
    humans: Sequence[NeedsHuman] = ()
    sure: Sequence[Sure] = ()
    triggers: Sequence[Trigger] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Promote, refuse, or (`ask`) let a human decide; why in one sentence, and the figures behind it."""

    promote: bool
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
    ask: bool = False


def decide(compared: Compared, first: bool = False) -> Decision:
    """Compare a candidate with the live version on the rows whose labels both know.

    `first`: there is no live version, so nothing can be lost and only new labels are judged.
    """
    figures = _figures(compared)
    missing = _missing_label(compared)
    if missing or first:
        return Decision(not missing, missing or "First version of this skill.", figures)
    for check in CHECKS:
        reason = check(compared)
        if reason:
            return Decision(False, reason, figures)
    if not compared.rows:
        return Decision(False, "There are no gate rows to compare on; add some, or say yes by hand.", figures, ask=True)
    return _metric(compared, figures)


def _metric(compared: Compared, figures: dict[str, Any]) -> Decision:
    rows, lost, won, bound = len(compared.rows), figures["lost"], figures["won"], figures["loss_bound"]
    change = figures["candidate"] - figures["live"]
    words = f"{figures['live']:.1%} -> {figures['candidate']:.1%} on {rows} rows ({change:+.1%})"
    few = f"; {rows} rows are few" if rows < FEW_ROWS else ""
    if bound <= LARGEST_LOSS and (figures["churn"] <= MOST_CHURN or won > lost):
        return Decision(True, f"{words}: a loss of more than {max(bound, 0):.1%} is ruled out (95 %).", figures)
    if bound <= LARGEST_LOSS:
        return Decision(False, f"{words}, yet {figures['churn']:.0%} of the answers change. Look.", figures, ask=True)
    if -change > LARGEST_LOSS or loss_floor(rows, lost, won) > 0:
        return Decision(False, f"{words}: it is worse; {LARGEST_LOSS:.0%} are allowed{few}.", figures)
    unclear = f"a loss of up to {bound:.1%} cannot be ruled out (95 %), {LARGEST_LOSS:.0%} are allowed"
    return Decision(False, f"{words}: {unclear}{few}. A human decides.", figures, ask=True)


def _missing_label(compared: Compared) -> str | None:
    for new in compared.new_labels:
        if new.rows and new.found < NEW_LABEL_RECALL * new.rows:
            return (
                f"The new label '{new.label}' is found in only {new.found} of {new.rows} rows; "
                f"at least {NEW_LABEL_RECALL:.0%} are needed."
            )
    return None


def _lost_requests(compared: Compared) -> str | None:
    lost = lost_requests(compared)
    return f"{len(lost)} explicit request(s) for a human that the live version catches would be missed." * bool(lost)


def lost_requests(compared: Compared) -> list[str]:
    """Return the explicit requests for a human that only the live version catches."""
    return [row.example for row in compared.rows if row.request and row.live_right and not row.candidate_right]


def _lost_humans(compared: Compared) -> str | None:
    rows = compared.humans
    live, candidate = sum(row.live for row in rows), sum(row.candidate for row in rows)
    lost = sum(row.live and not row.candidate for row in rows)
    won = lost - (live - candidate)
    if live - candidate <= HUMAN_LOSS * len(rows) or not loss_is_shown(lost, won):
        return None
    return f"Of {len(rows)} messages that need a human, {candidate} would reach one instead of {live}."


def _lost_label(compared: Compared) -> str | None:
    """Find a label whose rows are lost, by bounds that hold for all labels together (Bonferroni)."""
    by_label: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for row in compared.rows:
        by_label[row.unit, row.label].append(row)
    judged = {label: rows for label, rows in by_label.items() if len(rows) >= SUPPORT}
    for (unit, label), rows in sorted(judged.items()):
        lost, won = _lost_won(rows)
        if loss_floor(len(rows), lost, won, z_of(ONE_SIDED / len(judged))) > LABEL_LOSS:
            before = sum(row.live_right for row in rows)
            after = before - lost + won
            return f"Of the {len(rows)} rows whose {unit} is '{label}', {after} would be right instead of {before}."
    return None


def _overconfident(compared: Compared) -> str | None:
    """Find a candidate that is surer than it is right, and more so than the live version."""
    rows = compared.sure
    if len(rows) < ENOUGH_SURE:
        return None
    gaps = [row.candidate - row.candidate_right for row in rows]
    mean = sum(gaps) / len(rows)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / (len(rows) - 1) / len(rows)) ** 0.5
    live = sum(row.live - row.live_right for row in rows) / len(rows)
    if mean - z_of(ONE_SIDED) * spread <= OVERCONFIDENCE or mean <= live:
        return None
    return f"It is surer than it is right: by {mean:.0%} on {len(rows)} rows (the live version by {live:+.0%})."


def _triggered(compared: Compared) -> str | None:
    for trigger in compared.triggers:
        if trigger.candidate - trigger.live > TRIGGERED * trigger.rows:
            return (
                f"The words '{trigger.phrase}' alone turn {trigger.candidate} of {trigger.rows} other messages into "
                f"'{trigger.label}' (with the live version {trigger.live})."
            )
    return None


CHECKS: tuple[Callable[[Compared], str | None], ...] = (
    _lost_requests,
    _lost_humans,
    _lost_label,
    _overconfident,
    _triggered,
)
"""What refuses a candidate whatever else it is better at."""


def _lost_won(rows: Sequence[Judged]) -> tuple[int, int]:
    lost = sum(row.live_right and not row.candidate_right for row in rows)
    won = sum(row.candidate_right and not row.live_right for row in rows)
    return lost, won


def _figures(compared: Compared) -> dict[str, Any]:
    rows = compared.rows
    figures: dict[str, Any] = {
        "rows": len(rows),
        "new_labels": {new.label: {"rows": new.rows, "found": new.found} for new in compared.new_labels},
        "lost_requests": lost_requests(compared),
        "humans": {
            "rows": len(compared.humans),
            "live": sum(row.live for row in compared.humans),
            "candidate": sum(row.candidate for row in compared.humans),
        },
        "triggers": {
            trigger.phrase: {"rows": trigger.rows, "live": trigger.live, "candidate": trigger.candidate}
            for trigger in compared.triggers
        },
    }
    if not rows:
        return figures
    lost, won = _lost_won(rows)
    return figures | {
        "live": sum(row.live_right for row in rows) / len(rows),
        "candidate": sum(row.candidate_right for row in rows) / len(rows),
        "lost": lost,
        "won": won,
        "loss_bound": loss_bound(len(rows), lost, won),
        "churn": sum(not row.same_answer for row in rows) / len(rows),
        "requests": sum(row.request for row in rows),
    }
