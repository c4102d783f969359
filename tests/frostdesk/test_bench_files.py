"""Bench files: which rows are taken, and what is said about the others."""

import gzip
import json
from pathlib import Path

import pytest

from frostdesk.bench_files import ArticleCheck, Check, LabelCheck, query_check, read_rows
from frostdesk.bench_rows import faq_rows, label_rows
from skills.errors import CannotTune

CARD = {"text": "my card", "intent": "cards"}
LOGIN = {"text": "my password", "intent": "login"}
ARTICLE = {
    "faq_id": "a",
    "question": "Where is it?",
    "answer": "It is on the way to you. Soon.\nWait for the post to come",
}


def put(path: Path, *lines: object) -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_plain_and_compressed_files_read_the_same(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name, CARD, "", {**LOGIN, "text": "Grüße 🙂"})
    assert read_rows(path, LabelCheck()) == [CARD, {**LOGIN, "text": "Grüße 🙂"}]


@pytest.mark.parametrize(
    ("check", "good", "bad", "words"),
    [
        (LabelCheck(), CARD, {"text": "x"}, "intent"),
        (LabelCheck(), CARD, {"intent": "x"}, "text"),
        (LabelCheck(), CARD, {"text": " ", "intent": "x"}, "text"),
        (LabelCheck(), CARD, {"text": 5, "intent": "x"}, "text"),
        (LabelCheck(), CARD, {"text": "x", "intents": ["a"]}, "intent"),
        (LabelCheck(), CARD, {"text": "x", "oos": False}, "intent"),
        (LabelCheck(), CARD, "[]", "not an object"),
        (LabelCheck(), CARD, '{"text": "x"', "not JSON"),
        (LabelCheck(), {"text": "x", "intents": []}, CARD, "intents"),
        (LabelCheck(), {"text": "x", "intents": []}, {"text": "x", "intents": "cards"}, "intents"),
        (LabelCheck(), {"text": "x", "intents": []}, {"text": "x", "intents": [1]}, "intents"),
        (ArticleCheck(), ARTICLE, ARTICLE, "already"),
        (ArticleCheck(), ARTICLE, {**ARTICLE, "faq_id": None}, "faq_id"),
        (ArticleCheck(), ARTICLE, {**ARTICLE, "faq_id": "b", "answer": ""}, "answer"),
        (ArticleCheck(), ARTICLE, {**ARTICLE, "faq_id": "b", "phrasings": "x"}, "phrasings"),
        (query_check({"a", "1"}), {"text": "x", "faq_id": 1}, {"text": "x"}, "faq_id"),
        (query_check({"a"}), {"text": "x", "faq_id": None}, {"text": "x", "faq_id": "b"}, "faq_id b"),
        (query_check({"a"}), {"text": "x", "faq_id": "a"}, {"faq_id": "a"}, "text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, check: Check, good: object, bad: object, words: str) -> None:
    with pytest.raises(CannotTune, match=rf"rows\.jsonl row 3: .*{words}"):
        read_rows(put(tmp_path / "rows.jsonl", good, "", bad), check)


def test_a_file_that_is_empty_or_broken_is_named(tmp_path: Path) -> None:
    broken = put(tmp_path / "broken.jsonl.gz", *[CARD] * 500)
    broken.write_bytes(broken.read_bytes()[:-20])
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_text(json.dumps(CARD))
    for path in (put(tmp_path / "empty.jsonl", "", ""), broken, plain):
        with pytest.raises(CannotTune, match=path.name):
            read_rows(path, LabelCheck())


class TestLabelRows:
    """Rows as a label skill."""

    def test_one_intent_each_or_none(self) -> None:
        skill, taught, asked = label_rows([CARD, LOGIN], [CARD, {"text": "x", "intent": "?", "oos": True}], None, 0)
        [axis] = skill.axes
        assert (axis.labels, axis.exclusive, axis.rejects) == (("cards", "login"), True, "out_of_scope")
        assert [example.target for example in taught] == [{"intent": "cards"}, {"intent": "login"}]
        assert [example.target for example in asked] == [{"intent": "cards"}, {"intent": None}]

    def test_several_intents_each(self) -> None:
        train = [{"text": "x", "intents": ["b", "a"]}, {"text": "y", "intents": []}]
        skill, taught, _ = label_rows(train, train, None, 0)
        assert (skill.axes[0].labels, skill.axes[0].exclusive) == (("a", "b"), False)
        assert [example.target for example in taught] == [{"a": True, "b": True}, {"a": False, "b": False}]

    def test_shots_draw_the_same_rows_of_each_label_every_time(self) -> None:
        train = [{"text": f"{name} {n}", "intent": name} for name in ("a", "b") for n in range(9)]
        train.append({"text": "x", "intent": "", "oos": True})
        drawn = [[e.text for e in label_rows(train, [CARD | {"intent": "a"}], 3, seed)[1]] for seed in (0, 0, 1)]
        assert drawn[0] == drawn[1] != drawn[2]
        assert [text[0] for text in drawn[0]] == list("aaabbbx")

    def test_intents_that_only_the_test_file_has_are_named(self) -> None:
        several = [{"text": "x", "intents": ["a"]}, {"text": "x", "intents": ["b"]}]
        for train, test in (([CARD], [LOGIN]), (several, [{"text": "x", "intents": ["login"]}])):
            with pytest.raises(CannotTune, match="login"):
                label_rows(train, test, None, 0)

    def test_what_cannot_be_scored_is_refused(self) -> None:
        with pytest.raises(CannotTune, match="--shots"):
            label_rows([{"text": "x", "intents": ["a"]}], [{"text": "x", "intents": ["a"]}], 3, 0)
        with pytest.raises(CannotTune, match="no row with an intent"):
            label_rows([CARD], [{"text": "x", "oos": True}], None, 0)


class TestFaqRows:
    """Rows as a search skill."""

    def test_an_articles_sentences_teach_it(self) -> None:
        skill, taught, asked = faq_rows(
            [{**ARTICLE, "phrasings": ["Not here yet?"]}], [{"text": "x", "faq_id": "a"}], None
        )
        assert skill.passages == {"a": ("Where is it?", "Not here yet?")}
        assert [example.text for example in taught] == ["It is on the way to you", "Wait for the post to come"]
        assert [example.target for example in asked] == [{"article": "a"}]

    def test_questions_teach_it_instead_where_there_are_some(self) -> None:
        taught = faq_rows([ARTICLE], [{"text": "x", "faq_id": "a"}], [{"text": "y", "faq_id": None}])[1]
        assert [(example.text, example.target) for example in taught] == [("y", {"article": None})]

    def test_queries_without_any_answer_cannot_be_scored(self) -> None:
        with pytest.raises(CannotTune, match="faq_id"):
            faq_rows([ARTICLE], [{"text": "x", "faq_id": None}], None)
