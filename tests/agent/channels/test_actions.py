"""What is done in a helpdesk after a turn, by mode and by what the helpdesk can do."""

from typing import Any

import pytest

from agent.channels import standard
from agent.channels.actions import plan_actions
from agent.channels.channel import Mode

LABELS = {"topic": "cards", "priority": "low"}
TURN: dict[str, Any] = {
    "reply": "It comes by post.",
    "suggestions": [],
    "escalation": None,
    "article": {"slug": "arrival"},
    "conversation_id": "c",
    "turn_id": "t",
}
ESCALATED = {**TURN, "reply": "A colleague takes over.", "escalation": {"id": "e", "summary": "Wants a refund."}}
BOT = frozenset({"reply", "note", "hand_off"})


def steps(mode: Mode, turn: dict[str, Any], can: frozenset[str] = BOT) -> list[tuple[str, str | None]]:
    planned = plan_actions(can, mode, "T1", turn, LABELS)
    assert all(step.payload["ticket_id"] == "T1" for step in planned)
    return [(step.action, step.payload.get("text")) for step in planned]


NOTED = ("note", "topic: cards, priority: low")


@pytest.mark.parametrize(
    ("mode", "turn", "expected"),
    [
        ("answer", TURN, [NOTED, ("reply", "It comes by post.")]),
        (
            "answer",
            ESCALATED,
            [NOTED, ("reply", "A colleague takes over."), ("note", "Wants a refund."), ("hand_off", None)],
        ),
        ("answer", {**TURN, "reply": None}, [NOTED]),
        ("draft", TURN, [NOTED, ("note", "Suggested answer:\nIt comes by post.")]),
        (
            "draft",
            ESCALATED,
            [NOTED, ("note", "Suggested answer:\nA colleague takes over."), ("note", "Wants a refund.")],
        ),
        ("label", ESCALATED, [NOTED]),
        ("watch", ESCALATED, []),
    ],
)
def test_each_mode_does_its_part(mode: Mode, turn: dict[str, Any], expected: list[tuple[str, str | None]]) -> None:
    assert steps(mode, turn) == expected


def test_labels_are_set_where_they_can_be_and_nothing_is_said_without_any() -> None:
    planned = plan_actions(BOT | {"label"}, "label", "T1", TURN, LABELS)
    assert [(step.action, step.payload["labels"]) for step in planned] == [("label", LABELS)]
    assert plan_actions(BOT, "label", "T1", TURN, {}) == []


def test_near_articles_are_listed_in_the_reply() -> None:
    near = {**TURN, "suggestions": [{"slug": "fees", "question": "What does it cost?", "link": None}]}
    assert steps("answer", near)[-1] == ("reply", "It comes by post.\n- What does it cost?")


@pytest.mark.parametrize(
    ("mode", "reply", "draft", "article"),
    [
        ("answer", "It comes by post.", None, True),
        ("draft", None, "It comes by post.", True),
        ("label", None, None, False),
    ],
)
def test_a_standard_event_says_what_its_mode_allows(
    mode: Mode, reply: str | None, draft: str | None, article: bool
) -> None:
    [step] = standard.plan(mode, "T1", TURN, LABELS)
    data = step.payload["data"]
    assert (data["reply"], data["draft"], data["topic"]) == (reply, draft, "cards")
    assert (data["article"] is not None) is article
    assert standard.plan("watch", "T1", TURN, LABELS) == []
