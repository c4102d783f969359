"""Turns on real databases with the demo desk's real prompts."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError

from agent import demo
from agent.conversations import Said, add_message, end_escalation
from agent.database import Database
from agent.desks import add_intent
from agent.jobs import Jobs
from agent.office import Office
from agent.releases import Releases, read_artefact
from agent.tables import Conversation, Desk, Escalation, Message, Turn
from agent.turn import AUDIT_SHARE, is_audited, take_turn
from agent.turn_view import show_turn
from skills.backbone import Backbone
from skills.store import Store
from skills.vectors import Vectors
from tests.disks import files_up_to


def desk_id(office: Office) -> str:
    with office.database.reading() as session:
        return session.scalars(select(Desk.id)).one()


def say(office: Office, text: str, conversation: str | None = None, client_id: str | None = None) -> dict[str, Any]:
    shown = take_turn(office, desk_id(office), Said(text, "chat", conversation, client_id))
    with office.database.reading() as session:
        assert shown == show_turn(session, session.get_one(Turn, shown["turn_id"]))
    return shown


def test_a_question_is_answered_with_its_article_and_versions(office: Office) -> None:
    turn = say(office, "my card still hasn't come")
    assert turn["outcome"] == "answered"
    assert turn["article"]["slug"] == "card-not-arrived"
    assert turn["article"]["link"] in turn["reply"]
    assert turn["route"]["intent"] == "card_arrival"
    assert turn["route"]["skill"] == "faq"
    assert {v["skill"] for v in turn["verdicts"]} == {"router", "classification", "faq", "sentiment"}
    assert {v["version"] for v in turn["verdicts"]} == {1}
    with office.database.reading() as session:
        row = session.get_one(Turn, turn["turn_id"])
        assert set(row.versions) == {"router", "classification", "faq", "sentiment"}


def test_a_request_for_a_human_is_handed_over_and_the_bot_falls_silent(office: Office) -> None:
    first = say(office, "Why is my transfer to my landlord still pending?")
    turn = say(office, "this is the third time, get me a human", first["conversation_id"])
    assert turn["outcome"] == "escalated"
    assert turn["escalation"]["reason"] == "asked_for_human"
    with office.database.reading() as session:
        row = session.scalars(select(Escalation)).one()
        assert row.verdict is not None
        assert row.verdict["label"] == "asks_for_human"
        assert row.first_request == "Why is my transfer to my landlord still pending?"
        assert row.last_request == "this is the third time, get me a human"
        assert row.articles_tried == ["transfer-pending"]
        assert row.mood["asks_for_human"] is True
    silent = say(office, "hello?", first["conversation_id"])
    assert (silent["outcome"], silent["reply"], silent["verdicts"]) == ("silent", None, [])
    with office.database.writing() as session:
        end_escalation(session, session.get_one(Conversation, first["conversation_id"]), "given_back")
    again = say(office, "how do I change my PIN", first["conversation_id"])
    assert again["outcome"] == "answered"


def test_who_presses_the_button_is_handed_over_with_every_version_logged(office: Office) -> None:
    first = say(office, "my card still hasn't come")
    asked = Said("my card still hasn't come", "chat", first["conversation_id"], "button", wants_human=True)
    shown = take_turn(office, desk_id(office), asked)
    assert take_turn(office, desk_id(office), asked) == shown
    turn_id = shown["turn_id"]
    with office.database.reading() as session:
        turn, row = session.get_one(Turn, turn_id), session.scalars(select(Escalation)).one()
        assert (turn.outcome, row.turn_id, row.reason) == ("escalated", turn_id, "asked_for_human")
        assert set(turn.versions) == {"router", "classification", "faq", "sentiment"}
        assert row.articles_tried == ["card-not-arrived"]


def test_one_open_escalation_a_conversation(office: Office) -> None:
    first = say(office, "get me a human")
    say(office, "a human, now!", first["conversation_id"])
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Escalation)) == 1


def test_posting_the_same_message_twice_counts_once(office: Office) -> None:
    first = say(office, "how do I close my account", client_id="c1")
    again = say(office, "how do I close my account", first["conversation_id"], client_id="c1")
    assert again["turn_id"] == first["turn_id"]
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2


def test_a_turn_asks_the_database_few_things(office: Office) -> None:
    first, desk, seen = say(office, "hello"), desk_id(office), list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(office.database.engine, "before_cursor_execute", note)
    take_turn(office, desk, Said("my card still hasn't come", "chat", client_id="c1", visitor_id="vis_a"))
    of_the_first = len(seen)
    take_turn(office, desk, Said("and how do I change my PIN", "chat", first["conversation_id"], "c2"))
    event.remove(office.database.engine, "before_cursor_execute", note)
    assert (of_the_first, len(seen) - of_the_first) == (9, 12), seen


def test_the_same_message_ten_times_at_once_is_one_turn(office: Office) -> None:
    first = say(office, "hello")
    found: list[str] = []
    post = Said("how do I close my account", "chat", first["conversation_id"], "c2")
    desk = desk_id(office)
    threads = [
        threading.Thread(target=lambda: found.append(take_turn(office, desk, post)["turn_id"])) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 10
    assert len(set(found)) == 1
    with office.database.reading() as session:
        seqs = list(session.scalars(select(Message.seq).order_by(Message.seq)))
    assert seqs == [1, 2, 3, 4]


def test_a_turn_that_broke_off_is_finished_by_the_repeated_post(office: Office) -> None:
    broken = Office(office.database, office.backbone, Failing(), office.releases, office.jobs)
    first = say(office, "hello")
    try:
        take_turn(broken, desk_id(office), Said("how do I change my PIN", "chat", first["conversation_id"], "c3"))
    except RuntimeError:
        pass
    turn = say(office, "how do I change my PIN", first["conversation_id"], "c3")
    assert turn["outcome"] == "answered"
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 4


class Failing:
    """A reader whose forward always fails."""

    def forward(self, _rows: object) -> None:
        raise RuntimeError("no forward today")


def test_a_human_who_takes_over_while_the_bot_reads_is_not_talked_over(office: Office) -> None:
    first = say(office, "hello")

    class Slow:
        """A reader during whose forward a human answers."""

        def forward(self, rows: Any) -> Any:
            with office.database.writing() as session:
                conversation = session.get_one(Conversation, first["conversation_id"])
                conversation.owner = "human"
                add_message(session, conversation, "human", "I am here")
            return office.reader.forward(rows)

    slow = Office(office.database, office.backbone, Slow(), office.releases, office.jobs)
    turn_id = take_turn(slow, desk_id(office), Said("how do I change my PIN", "chat", first["conversation_id"]))[
        "turn_id"
    ]
    with office.database.reading() as session:
        assert show_turn(session, session.get_one(Turn, turn_id))["reply"] is None


def test_changing_the_desks_table_changes_the_outcome(office: Office) -> None:
    assert say(office, "how do I change my PIN")["outcome"] == "answered"
    with office.database.writing() as session:
        add_intent(session, desk_id(office), "pin_change", {"action": "hand_over"})
    office.releases.refresh_all()
    turn = say(office, "how do I change my PIN")
    assert (turn["outcome"], turn["escalation"]["reason"]) == ("escalated", "intent")


def test_nonsense_is_met_politely(office: Office) -> None:
    for text in (
        "asdf qwer",
        "🙂🙂🙂",
        "?",
        "x" * 10_000,
        "¿dónde está mi tarjeta?",
        "<script>alert(1)</script>",
        "\ud83d"[:0] + "\x07",
    ):
        turn = say(office, text)
        assert turn["outcome"] in {"answered", "out_of_scope", "no_answer", "asked_back", "said", "silent"}, text


def test_the_demo_conversations_go_as_written(office: Office) -> None:
    """At least 17 of the 20 short conversations end every turn as their author expected."""
    good = sum(_as_expected(office, conversation) for conversation in demo.read("conversations.jsonl"))
    assert good >= 17, good


def _as_expected(office: Office, conversation: dict[str, Any]) -> bool:
    current = None
    for step in conversation["turns"]:
        turn, expected = say(office, step["customer"], current), step["expect"]
        current = turn["conversation_id"]
        same = turn["outcome"] == expected["outcome"]
        same = same and (turn["article"] or {}).get("slug") == expected.get("article")
        if not same or (turn["escalation"] or {}).get("reason") != expected.get("reason"):
            print(
                conversation["name"],
                step["customer"],
                expected,
                turn["outcome"],
                turn["article"],
                turn["escalation"],
            )
            return False
    return True


def test_the_audit_picks_a_fixed_share_at_random() -> None:
    picked = sum(is_audited(f"turn_{n}") for n in range(20_000)) / 20_000
    assert abs(picked - AUDIT_SHARE) < 0.004


def test_a_full_disk_stores_nothing_by_halves(tmp_path: Path, demo_file: Path, backbone: Backbone) -> None:
    """The embedded database cannot grow: the message is refused whole, and taken when there is room again."""
    database = Database(f"sqlite:///{shutil.copy(demo_file, tmp_path / 'demo.db')}", pool=2)
    store = Store(tmp_path / "prompts", backbone, lambda digest: read_artefact(database, digest))
    vectors = Vectors(tmp_path / "vectors", backbone)
    jobs = Jobs("redis://127.0.0.1:1/0")
    office = Office(database, backbone, backbone, Releases(database, backbone, store, vectors), jobs)
    post = Said("how do I change my PIN", "chat", client_id="c1", visitor_id="vis_a")
    desk = desk_id(office)
    office.releases.live.snapshot(desk)
    with files_up_to(4096), pytest.raises(OperationalError):
        take_turn(office, desk, post)
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0
        assert session.scalar(sql("PRAGMA integrity_check")) == "ok"
    assert say_again(office, desk, post) == "answered"
    jobs.close()
    database.close()


def say_again(office: Office, desk: str, post: Said) -> str:
    return str(take_turn(office, desk, post)["outcome"])
