"""A desk's error budget as people read it: what each version may answer by itself, and whether that is proven."""

from collections.abc import Mapping
from typing import Any

from agent.api.schemas.learning import BudgetView, GuaranteeView
from skills.budget import Guarantee, Risk, fewest_answers, keep_budget

USUAL = 0.05
"""What is shown to a desk that has set no budget."""


def budget_view(risks: Mapping[str, Mapping[str, Any]], budget: float | None) -> BudgetView:
    """Return what `budget` (or the usual one) asks of a version with these stored risks, by axis."""
    allowed = budget or USUAL
    axes = {name: _guarantee(Risk(**risk), allowed) for name, risk in risks.items()}
    return BudgetView(budget=allowed, in_force=budget is not None, axes=axes)


def _guarantee(risk: Risk, budget: float) -> GuaranteeView:
    found = keep_budget(risk, budget)
    figures = {name: getattr(found, name) for name in Guarantee.__slots__ if name != "guaranteed"}
    if found.guaranteed:
        return GuaranteeView(status="guaranteed", warning=None, **figures)
    return GuaranteeView(status="no guarantee yet", warning=_advice(risk, budget), **figures)


def _advice(risk: Risk, budget: float) -> str:
    needed = fewest_answers(budget)
    if max(risk.answered, default=0) < needed:
        return (
            f"{budget:.1%} needs at least {needed} answered calibration rows; there are {risk.rows} rows. "
            "Review audited conversations, or import rows with --representative. "
            "Until then the threshold is provisional."
        )
    return (
        f"On {risk.rows} calibration rows no threshold keeps the errors within {budget:.1%} for certain. More rows, "
        "a better version or a larger budget help. Until then the threshold is provisional."
    )
