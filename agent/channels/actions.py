"""What is done in a helpdesk after a turn, by the connection's mode and by what the helpdesk can do."""

from collections.abc import Collection, Mapping
from typing import Any

from agent.channels.channel import Mode, Planned


def plan_actions(
    can: Collection[str], mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]
) -> list[Planned]:
    """Return the actions for a turn: label, reply, note, hand_off, in this order.

    `can` names what the helpdesk offers among them. Labels that it cannot set become a note.
    """
    if mode == "watch":
        return []
    planned = _labels(can, ticket_id, labels)
    reply, escalation = reply_text(turn), turn["escalation"]
    if mode == "label":
        return planned
    if mode == "draft":
        notes = ([f"Suggested answer:\n{reply}"] if reply else []) + ([escalation["summary"]] if escalation else [])
        return planned + [_said("note", ticket_id, note) for note in notes]
    if reply:
        planned.append(_said("reply", ticket_id, reply))
    if escalation:
        planned.append(_said("note", ticket_id, escalation["summary"]))
        planned.append(Planned("hand_off", {"ticket_id": ticket_id}))
    return planned


def reply_text(turn: Mapping[str, Any]) -> str | None:
    """Return the reply as plain text: a ticket has no buttons, so it lists what is suggested."""
    titles = [f"- {article['question']}" for article in turn["suggestions"] if article["question"]]
    return "\n".join([turn["reply"], *titles]) if turn["reply"] else None


def _labels(can: Collection[str], ticket_id: str, labels: Mapping[str, str]) -> list[Planned]:
    if not labels:
        return []
    if "label" in can:
        return [Planned("label", {"ticket_id": ticket_id, "labels": dict(labels)})]
    return [_said("note", ticket_id, ", ".join(f"{axis}: {label}" for axis, label in labels.items()))]


def _said(action: str, ticket_id: str, text: str) -> Planned:
    return Planned(action, {"ticket_id": ticket_id, "text": text})
