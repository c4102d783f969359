"""The gate: may a candidate replace the live prompt? Pure: rows in, decision and reason out.

A candidate is refused unless it is shown not to be worse. 'Shown' is a paired test on rows both saw: the
upper end of the one-sided 95 % interval of the loss (live minus candidate) must stay within two points.
With few rows that interval is wide, so few rows never promote by luck; a person still can.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.optimize import brentq

LARGEST_LOSS = 0.02
CONFIDENCE_Z = 1.6448536269514722
"""One-sided 95 %."""
NEW_LABEL_RECALL = 0.5
FEW_ROWS = 300


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
class Decision:
    """Promote or refuse, why in one sentence, and the figures behind it."""

    promote: bool
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)


def decide(rows: Sequence[Judged], new_labels: Sequence[NewLabel] = (), first: bool = False) -> Decision:
    """Compare a candidate with the live version on the rows whose labels both know.

    `first`: there is no live version, so nothing can be lost and only new labels are judged.
    """
    figures = _figures(rows, new_labels)
    for new in new_labels:
        if new.rows and new.found < NEW_LABEL_RECALL * new.rows:
            reason = (
                f"The new label '{new.label}' is found in only {new.found} of {new.rows} rows; "
                f"at least {NEW_LABEL_RECALL:.0%} are needed."
            )
            return Decision(False, reason, figures)
    if first:
        return Decision(True, "First version of this skill.", figures)
    lost = [row for row in rows if row.request and row.live_right and not row.candidate_right]
    if lost:
        reason = f"{len(lost)} explicit request(s) for a human that the live version catches would be missed."
        return Decision(False, reason, {**figures, "lost_requests": [row.example for row in lost]})
    if not rows:
        return Decision(False, "There are no gate rows to compare on; add some, or promote by hand.", figures)
    bound, change = figures["loss_bound"], figures["candidate"] - figures["live"]
    words = f"{figures['live']:.1%} -> {figures['candidate']:.1%} on {figures['rows']} rows ({change:+.1%})"
    if bound > LARGEST_LOSS:
        few = f"; {len(rows)} rows are few" if len(rows) < FEW_ROWS else ""
        allowed = f"{LARGEST_LOSS:.0%} are allowed"
        reason = f"{words}: a loss of up to {bound:.1%} cannot be ruled out (95 %), {allowed}{few}."
        return Decision(False, reason, figures)
    return Decision(True, f"{words}: a loss of more than {max(bound, 0):.1%} is ruled out (95 %).", figures)


def loss_bound(rows: int, lost: int, won: int, z: float = CONFIDENCE_Z) -> float:
    """Upper end of the one-sided score interval of a paired difference of proportions.

    `lost` rows only the live version gets right, `won` only the candidate. Tango 1998, "Equivalence test
    and confidence interval for the difference in proportions for the paired-sample design", Statistics in
    Medicine 17, equations 5 and 6. Unlike the normal interval it is honest at small counts: without any
    disagreement it is z^2 / (n + z^2), not zero.
    """

    def statistic(loss: float) -> float:
        a = 2.0 * rows
        b = -lost - won + (2.0 * rows - lost + won) * loss
        c = -won * loss * (1.0 - loss)
        chance = (math.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
        spread = math.sqrt(max(rows * (2.0 * chance + loss * (1.0 - loss)), 1e-12))
        return (lost - won - rows * loss) / spread + z

    seen = (lost - won) / rows
    if seen >= 1.0:
        return 1.0
    return float(brentq(statistic, seen, 1.0 - 1e-12))


def _figures(rows: Sequence[Judged], new_labels: Sequence[NewLabel]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "rows": len(rows),
        "new_labels": {new.label: {"rows": new.rows, "found": new.found} for new in new_labels},
    }
    if not rows:
        return figures
    lost = sum(row.live_right and not row.candidate_right for row in rows)
    won = sum(row.candidate_right and not row.live_right for row in rows)
    return figures | {
        "live": sum(row.live_right for row in rows) / len(rows),
        "candidate": sum(row.candidate_right for row in rows) / len(rows),
        "lost": lost,
        "won": won,
        "loss_bound": loss_bound(len(rows), lost, won),
        "churn": sum(not row.same_answer for row in rows) / len(rows),
        "requests": sum(row.request for row in rows),
    }
