"""Verdicts as they are stored with a turn and shown to people."""

from typing import Any

from agent.desks import DeskView
from agent.reading import Reading
from skills.skill import Verdict


def verdicts_json(desk: DeskView, reading: Reading) -> list[Any]:
    """Return every verdict of a reading, with the number of the version that gave it."""
    found: list[Any] = []
    for skill in desk.skills:
        found += [verdict_json(verdict, skill.number) for verdict in reading.verdicts[skill.name]]
        if skill.prompt.retrieves:
            found += [{**verdict_json(verdict, skill.number), "in_context": True} for verdict in reading.in_context]
    return found


def moods(verdicts: list[Any]) -> list[str]:
    """Return the tone labels that held."""
    return [v["label"] for v in verdicts if v["skill"] == "sentiment" and v["accepted"]]


def causing(verdicts: list[Any], cause: str | None) -> dict[str, Any] | None:
    """Return the verdict that made a turn escalate: the tone label named, else the route."""
    wanted = [v for v in verdicts if (v.get("label") == cause if cause else v["axis"] == "intent")]
    return wanted[0] if wanted else None


def verdict_json(verdict: Verdict, version: int) -> dict[str, Any]:
    """Return one verdict as it is stored."""
    kind = "article" if verdict.axis == "article" else "label"
    return {
        "skill": verdict.skill,
        "axis": verdict.axis,
        kind: verdict.label,
        "confidence": round(verdict.confidence, 4),
        "accepted": verdict.accepted,
        "version": version,
        "runners_up": [[name, round(share, 4)] for name, share in verdict.runners_up],
    }
