"""From the router's verdict to what the desk does about it: the desk's table decides."""

from collections.abc import Mapping
from dataclasses import dataclass

from skills.skill import Verdict


@dataclass(frozen=True, slots=True)
class Lead:
    """One row of the desk's table: what is done about an intent, and with which words."""

    action: str
    reply: str | None = None

    @property
    def skill(self) -> str | None:
        """The skill the action leads to, if it leads to one."""
        return {"faq": "faq", "label": "classification"}.get(self.action)


@dataclass(frozen=True, slots=True)
class Route:
    """The router's decision: intent, calibrated confidence, where it leads. No intent: out of scope."""

    intent: str | None
    confidence: float
    lead: Lead | None


def choose_route(verdict: Verdict | None, table: Mapping[str, Lead]) -> Route:
    """Return the route of a message. A rejected verdict, or an intent without a row, leads nowhere."""
    if verdict is None:
        return Route(None, 0.0, None)
    lead = table.get(verdict.label)
    if not verdict.accepted or lead is None:
        return Route(None, verdict.confidence, None)
    return Route(verdict.label, verdict.confidence, lead)
