"""Examples keep their first role; corrections become examples; imports are all or nothing."""

import json

import pytest
from sqlalchemy import func, select

from agent.corrections import (
    correct,
    corrections_waiting,
    discard,
    example_of,
    find_skill,
    withdraw,
    withdraw_all,
)
from agent.database import Database
from agent.desks import add_intent, make_desk
from agent.errors import BadInput, Conflict
from agent.examples import add_example, audit_role, split_role, text_digest
from agent.imports import import_articles, import_examples
from agent.retrainings import open_retraining
from agent.tables import Article, Correction, Desk, Example, Skill, Turn, utc_now
from tests.conversations import store_turn


@pytest.fixture
def desk_id(database: Database) -> str:
    """A desk with two intents and two articles."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        for name in ("card", "login"):
            add_intent(session, desk.id, name, {"action": "faq"})
        for slug in ("pin", "fees"):
            session.add(Article(desk_id=desk.id, slug=slug, question=f"{slug}?", answer="a"))
        return desk.id


def add_turn(database: Database, desk_id: str, text: str, **values: object) -> str:
    with database.writing() as session:
        return store_turn(session, desk_id, text, **{"versions": {"router": "v"}, **values}).id


def rows(database: Database) -> list[Example]:
    with database.reading() as session:
        return list(session.scalars(select(Example).order_by(Example.created_at)))


def test_roles_are_given_by_digest_and_spread_as_stated() -> None:
    given = [split_role("salt", f"group {n}") for n in range(20_000)]
    assert given == [split_role("salt", f"group {n}") for n in range(20_000)]
    assert given.count("calibration") / 20_000 == pytest.approx(0.15, abs=0.01)
    assert given.count("gate") / 20_000 == pytest.approx(0.15, abs=0.01)
    assert [split_role("other", f"group {n}") for n in range(20_000)] != given
    assert {audit_role("s", f"c{n}") for n in range(50)} == {"calibration", "gate"}


def test_the_same_words_are_the_same_text() -> None:
    assert text_digest("My  CARD\n") == text_digest("my card") == text_digest("ｍｙ card")
    assert text_digest("my card") != text_digest("my cards")


class TestCorrections:
    """A human's judgement on a turn."""

    def make(self, database: Database, desk_id: str, turn_id: str, skill: str, target: dict[str, object]) -> Example:
        with database.writing() as session:
            found = find_skill(session, desk_id, skill)
            row = correct(session, session.get_one(Turn, turn_id), found, target, "ana")  # type: ignore[arg-type]
            return session.scalars(select(Example).where(Example.correction_id == row.id)).one()

    def test_it_becomes_a_training_example_of_its_conversation(self, database: Database, desk_id: str) -> None:
        turn_id = add_turn(
            database,
            desk_id,
            "it went missing",
            verdicts=[{"skill": "router", "axis": "intent", "label": "login", "accepted": True}],
        )
        example = self.make(database, desk_id, turn_id, "router", {"intent": "card"})
        assert (example.text, example.target, example.role) == (
            "it went missing",
            {"intent": "card"},
            "train",
        )
        with database.reading() as session:
            turn = session.get_one(Turn, turn_id)
            assert example.group == turn.conversation_id

    def test_an_audited_turn_calibrates_or_gates(self, database: Database, desk_id: str) -> None:
        turn_id = add_turn(database, desk_id, "hm", audit=True)
        assert self.make(database, desk_id, turn_id, "router", {"intent": None}).role in (
            "calibration",
            "gate",
        )

    def test_a_search_learns_from_what_it_read(self, database: Database, desk_id: str) -> None:
        turn_id = add_turn(database, desk_id, "and what does it cost", read_as="change my pin and what does it cost")
        example = self.make(database, desk_id, turn_id, "faq", {"article": "fees"})
        assert example.text == "change my pin and what does it cost"

    def test_correcting_again_replaces_the_judgement(self, database: Database, desk_id: str) -> None:
        turn_id = add_turn(database, desk_id, "hm")
        self.make(database, desk_id, turn_id, "router", {"intent": "card"})
        assert self.make(database, desk_id, turn_id, "router", {"intent": "login"}).target == {"intent": "login"}
        assert len(rows(database)) == 1

    @pytest.mark.parametrize(
        ("skill", "target", "words"),
        [
            ("router", {"intent": "crypto"}, "Intent 'crypto' is not known"),
            ("faq", {"article": "gone"}, "Article 'gone' is not known"),
            ("sentiment", {"happy": True}, "it decides abusive, asks_for_human"),
            ("router", {}, "needs a target"),
        ],
    )
    def test_what_the_desk_does_not_know_is_refused(
        self, database: Database, desk_id: str, skill: str, target: dict[str, object], words: str
    ) -> None:
        turn_id = add_turn(database, desk_id, "hm")
        with pytest.raises(BadInput, match=words):
            self.make(database, desk_id, turn_id, skill, target)
        assert rows(database) == []

    def test_only_corrections_since_the_last_run_wait(self, database: Database, desk_id: str) -> None:
        self.make(database, desk_id, add_turn(database, desk_id, "one"), "router", {"intent": "card"})
        with database.writing() as session:
            skill = find_skill(session, desk_id, "router")
            assert corrections_waiting(session, skill) == 1
            open_retraining(session, skill, "call", "ana")
        with database.reading() as session:
            assert corrections_waiting(session, find_skill(session, desk_id, "router")) == 0
        self.make(database, desk_id, add_turn(database, desk_id, "two"), "router", {"intent": "card"})
        with database.reading() as session:
            assert corrections_waiting(session, find_skill(session, desk_id, "router")) == 1

    def test_what_a_reviewer_did_is_told_apart_and_the_older_judgement_stays_on_record(
        self, database: Database, desk_id: str
    ) -> None:
        said = [{"skill": "router", "axis": "intent", "label": "login", "accepted": True}]
        turn_id = add_turn(database, desk_id, "cannot get in", verdicts=said)
        with database.writing() as session:
            turn, skill = session.get_one(Turn, turn_id), find_skill(session, desk_id, "router")
            correct(session, turn, skill, {"intent": "login"}, "ana")
            correct(session, turn, skill, {"intent": "card"}, "ben")
            correct(session, turn, skill, {"intent": "card"}, "ben", text="My card does not let me in")
        with database.reading() as session:
            found = list(session.scalars(select(Correction).order_by(Correction.created_at)))
            assert [(row.action, row.reviewer, row.ended_at is None) for row in found] == [
                ("confirmed", "ana", False),
                ("relabelled", "ben", False),
                ("rewritten", "ben", True),
            ]
            assert example_of(session, found[0]) is None
            assert corrections_waiting(session, find_skill(session, desk_id, "router")) == 1
        assert [row.text for row in rows(database)] == ["My card does not let me in"]

    def test_a_discarded_turn_is_no_example_and_does_not_count_towards_a_retraining(
        self, database: Database, desk_id: str
    ) -> None:
        turn_id = add_turn(database, desk_id, "asdf")
        self.make(database, desk_id, turn_id, "router", {"intent": "card"})
        with database.writing() as session:
            skill = find_skill(session, desk_id, "router")
            assert discard(session, session.get_one(Turn, turn_id), skill, "ana").action == "discarded"
            assert corrections_waiting(session, skill) == 0
        assert rows(database) == []

    def test_withdrawing_takes_the_example_and_an_imported_row_stays(self, database: Database, desk_id: str) -> None:
        with database.writing() as session:
            skill = find_skill(session, desk_id, "router")
            add_example(session, skill, "from a file", {"intent": "login"}, "import", "gate")
        self.make_any(database, desk_id, "from a file")
        row_id = self.make_any(database, desk_id, "from a chat")
        with database.writing() as session:
            ended = withdraw_all(session, desk_id, "ana")
            assert len(ended) == 2
            with pytest.raises(Conflict, match="has ended already"):
                withdraw(session, session.get_one(Correction, row_id))
        assert [(row.text, row.target, row.role) for row in rows(database)] == [
            ("from a file", {"intent": "card"}, "gate")
        ]

    def test_a_reviewers_later_judgements_alone_can_be_withdrawn(self, database: Database, desk_id: str) -> None:
        self.make_any(database, desk_id, "before")
        moment = utc_now()
        self.make_any(database, desk_id, "after")
        with database.writing() as session:
            assert len(withdraw_all(session, desk_id, "ben")) == 0
            assert len(withdraw_all(session, desk_id, "ana", moment)) == 1
        assert [row.text for row in rows(database)] == ["before"]

    def make_any(self, database: Database, desk_id: str, text: str) -> str:
        turn_id = add_turn(database, desk_id, text)
        with database.writing() as session:
            skill = find_skill(session, desk_id, "router")
            return correct(session, session.get_one(Turn, turn_id), skill, {"intent": "card"}, "ana").id


def test_a_role_never_moves_and_golden_rows_stay(database: Database, desk_id: str) -> None:
    with database.writing() as session:
        skill = find_skill(session, desk_id, "router")
        gate = add_example(session, skill, "My card", {"intent": "card"}, "import", "gate")
        again = add_example(session, skill, "my  card", {"intent": "login"}, "correction", "train")
        assert (again.id, again.role, again.target) == (gate.id, "gate", {"intent": "login"})
        golden = add_example(session, skill, "my login", {"intent": "login"}, "import", "golden")
        kept = add_example(session, skill, "my login", {"intent": "card"}, "correction", "train")
        assert (kept.id, kept.target) == (golden.id, {"intent": "login"})


class TestImports:
    """Files: all of them or none."""

    def run(
        self, database: Database, desk_id: str, content: str, form: str = "csv", **options: object
    ) -> dict[str, int]:
        with database.writing() as session:
            skill = session.scalars(select(Skill).where(Skill.desk_id == desk_id, Skill.name == "router")).one()
            settings = {"role": None, "representative": False, **options}
            return import_examples(session, skill, content.encode(), form, **settings)  # type: ignore[arg-type]

    def test_csv_with_an_empty_label_is_out_of_scope(self, database: Database, desk_id: str) -> None:
        assert self.run(database, desk_id, '\ufefftext,intent\nmy card,card\n"weather, please",\n') == {"train": 2}
        assert [row.target for row in rows(database)] == [{"intent": "card"}, {"intent": None}]

    def test_jsonl_into_a_role(self, database: Database, desk_id: str) -> None:
        lines = "\n".join(json.dumps({"text": f"card {n}", "intent": "card"}) for n in range(3))
        assert self.run(database, desk_id, lines, "jsonl", role="golden") == {"golden": 3}

    def test_representative_rows_are_spread(self, database: Database, desk_id: str) -> None:
        lines = "\n".join(json.dumps({"text": f"card {n}", "intent": "card"}) for n in range(200))
        counts = self.run(database, desk_id, lines, "jsonl", representative=True)
        assert set(counts) == {"train", "calibration", "gate"}
        assert counts["train"] > 100

    @pytest.mark.parametrize(
        ("content", "form", "words"),
        [
            (
                "text,intent\ngood,card\nbad,crypto\nworse,gold\n",
                "csv",
                r"row 3: Intent 'crypto'.*row 4: Intent 'gold'",
            ),
            ("text,intent\n,card\n", "csv", "row 2: it has no text"),
            ("text,intent\na,card,x\n", "csv", "row 2: it has another number"),
            ('{"text": "a", "intent": "card"}\n{broken', "jsonl", "row 2: it is not JSON"),
            ("[1]", "jsonl", "row 1: it is not an object"),
            ('{"text": "a", "colour": "red"}', "jsonl", "row 1: 'colour' is nothing"),
            ("  \n", "csv", "The file is empty"),
        ],
    )
    def test_a_bad_row_is_named_and_nothing_is_kept(
        self, database: Database, desk_id: str, content: str, form: str, words: str
    ) -> None:
        with pytest.raises(BadInput, match=words):
            self.run(database, desk_id, content, form)
        assert rows(database) == []

    def test_bytes_that_are_no_text(self, database: Database, desk_id: str) -> None:
        with database.writing() as session:
            skill = find_skill(session, desk_id, "router")
            with pytest.raises(BadInput, match="not UTF-8 text"):
                import_examples(session, skill, b"text,intent\n\xff\xfe,card\n", "csv", None, False)

    def test_articles_are_added_and_replaced(self, database: Database, desk_id: str) -> None:
        content = "slug,question,answer,phrasings\npin,New?,Yes,how | why\nopen,Open?,So,\n"
        with database.writing() as session:
            assert import_articles(session, desk_id, content.encode(), "csv") == 2
        with database.reading() as session:
            found = {row.slug: (row.question, row.phrasings) for row in session.scalars(select(Article))}
            assert found == {"pin": ("New?", ["how", "why"]), "open": ("Open?", []), "fees": ("fees?", [])}
            assert session.get_one(Desk, desk_id).revision > 1

    def test_a_bad_article_is_named_and_nothing_is_kept(self, database: Database, desk_id: str) -> None:
        content = '{"slug": "ok", "question": "q", "answer": "a"}\n{"slug": "Not OK", "question": "q", "answer": "a"}'
        with database.writing() as session, pytest.raises(BadInput, match="row 2: slug"):
            import_articles(session, desk_id, content.encode(), "jsonl")
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(Article)) == 2


def test_no_example_holds_personal_data_and_two_that_differ_in_it_alone_are_one(
    database: Database, desk_id: str
) -> None:
    with database.writing() as session:
        skill = find_skill(session, desk_id, "router")
        first = add_example(session, skill, "card 4111 1111 1111 1111 lost", {"intent": "card"}, "import", "train")
        again = add_example(session, skill, "Card 5555555555554444 lost", {"intent": "login"}, "import", "gate")
        assert first.id == again.id
    assert [(row.text, row.target, row.role) for row in rows(database)] == [
        ("card [card] lost", {"intent": "login"}, "train")
    ]
