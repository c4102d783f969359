"""Humans at the command: waiting conversations, answers, giving back, closing."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import Running
from tests.frostdesk.conftest import done, refused, shown


@pytest.fixture
def waiting(server: Running) -> Iterator[str]:
    """A conversation whose customer asked for a human."""
    with server.admin() as admin:
        turn = admin.post("/v1/chat", json={"message": "this is the third time, get me a human"}).json()
        assert turn["outcome"] == "escalated"
        yield turn["conversation_id"]
        admin.post(f"/v1/admin/conversations/{turn['conversation_id']}/close")


def test_who_waits_is_listed_with_why_and_a_summary(server: Running, waiting: str) -> None:
    listed = done(server.command("escalations", "--limit", "500"))  # other tests leave some open, the oldest come first
    assert f"{waiting}  asked_for_human" in listed
    assert "First request: this is the third time" in listed
    found = shown(server.command("escalations", "--json", "--limit", "500"))
    assert [row["reason"] for row in found if row["conversation_id"] == waiting] == ["asked_for_human"]


def test_a_human_answers_gives_back_and_closes(server: Running, waiting: str) -> None:
    assert done(server.command("conversation", "reply", waiting, "I [am] here")) == "Sent.\n"
    read = done(server.command("conversation", "read", waiting))
    assert "human  I [am] here" in read
    assert "owner human, open" in read
    assert "bot has it" in done(server.command("conversation", "give-back", waiting))
    assert waiting not in done(server.command("escalations", "--limit", "500"))
    assert shown(server.command("conversation", "close", waiting, "--json"))["status"] == "closed"
    assert "closed" in refused(server.command("conversation", "reply", waiting, "still there?"), 2)


def test_an_address_left_behind_is_shown(server: Running) -> None:
    with closing(server.visitor()) as visitor:
        conversation = visitor.post("/v1/chat", json={"message": "get me a human"}).json()["conversation_id"]
        address = {"email": "ann@shop.example"}
        visitor.post(f"/v1/conversations/{conversation}/contact", json=address).raise_for_status()
    assert "E-mail: ann@shop.example" in done(server.command("escalations", "--limit", "500"))
    assert "ann@shop.example" in done(server.command("conversation", "list"))
    assert "owner human, open, e-mail ann@shop.example" in done(server.command("conversation", "read", conversation))
    assert "closed" in done(server.command("conversation", "close", conversation, "--json"))


def test_conversations_are_listed_by_owner(server: Running, waiting: str) -> None:
    human = shown(server.command("conversation", "list", "--owner", "human", "--limit", "500", "--json"))
    assert waiting in {row["id"] for row in human}
    assert {row["owner"] for row in human} == {"human"}
    assert waiting in done(server.command("conversation", "list"))
    assert "owner" in refused(server.command("conversation", "list", "--owner", "nobody"), 2)
    read = shown(server.command("conversation", "read", waiting, "--json"))
    assert [message["author"] for message in read["messages"]] == ["customer", "bot"]
