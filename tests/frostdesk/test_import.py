"""Articles and examples from files: all of a file, or none of it and the row's number."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Running
from tests.frostdesk.conftest import done, refused, shown

ARTICLES = """slug,question,answer,link,phrasings
blue-card,Can I have a blue card?,"Yes, in Cards > Colour.",,is there a blue one|other colours
old-notes,Do you take old notes?,No.,https://help.example/old,
"""


@pytest.fixture
def clean(server: Running) -> Iterator[None]:
    """The shared desk without our articles afterwards."""
    yield
    with server.admin() as admin:
        for slug in ("blue-card", "old-notes"):
            admin.delete(f"/v1/admin/articles/{slug}")


def articles(running: Running) -> dict[str, dict[str, object]]:
    return {row["slug"]: row for row in shown(running.command("article", "list", "--json"))}


@pytest.mark.usefixtures("clean")
def test_articles_from_csv_and_jsonl(server: Running, tmp_path: Path) -> None:
    file = tmp_path / "articles.csv"
    file.write_text(ARTICLES)
    assert done(server.command("import", "articles", str(file))) == "Imported 2.\n"
    found = articles(server)
    assert found["blue-card"]["phrasings"] == ["is there a blue one", "other colours"]
    assert found["old-notes"]["link"] == "https://help.example/old"
    changed = tmp_path / "articles.jsonl"
    changed.write_text(json.dumps({"slug": "old-notes", "question": "Old notes?", "answer": "Never."}) + "\n")
    assert shown(server.command("import", "articles", str(changed), "--json"))["added"] == 1
    assert articles(server)["old-notes"]["answer"] == "Never."
    assert done(server.command("article", "remove", "blue-card")) == "Removed.\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", ARTICLES + "Bad Slug,q?,a,,\n", "row 4: slug"),
        ("a.csv", ARTICLES + "short\n", "row 4"),
        ("a.jsonl", '{"slug": "x-1", "question": "q?", "answer": "a"}\n{"slug": "x-2"}\n', "row 2: question"),
        ("a.jsonl", '{"slug": "x-1", "question": "q?", "answer": "a"}\n{nonsense\n', "row 2"),
        ("a.csv", "", "empty"),
        ("a.txt", ARTICLES, "a.txt"),
    ],
)
def test_a_bad_article_row_is_named_and_nothing_is_imported(
    server: Running, tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    with server.admin() as admin:
        before = admin.get("/v1/admin/articles").json()
        assert words in refused(server.command("import", "articles", str(tmp_path / name)), 2)
        assert admin.get("/v1/admin/articles").json() == before


def test_examples_train_or_go_where_they_are_sent(own: Running, tmp_path: Path) -> None:
    file = tmp_path / "router.csv"
    file.write_text("text,intent\nis my new card posted yet,card_arrival\nwhat is the moon made of,\n")
    assert done(own.command("import", "examples", str(file), "--skill", "router")) == "Imported 2 (2 train).\n"
    golden = tmp_path / "tone.jsonl"
    golden.write_text('{"text": "put me through to somebody real", "asks_for_human": true}\n')
    made = shown(own.command("import", "examples", str(golden), "--skill", "sentiment", "--role", "golden", "--json"))
    assert made == {"added": 1, "by_role": {"golden": 1}}


def test_a_bad_example_row_is_named_and_nothing_is_imported(own: Running, tmp_path: Path) -> None:
    file = tmp_path / "router.csv"
    file.write_text("text,intent\nis it posted yet,card_arrival\nhello there,no_such_intent\n")
    before = shown(own.command("skills", "--json"))
    sentence = refused(own.command("import", "examples", str(file), "--skill", "router"), 2)
    assert "row 3" in sentence
    assert "no_such_intent" in sentence
    assert shown(own.command("skills", "--json")) == before


def test_a_file_that_is_not_there_is_bad_input(server: Running) -> None:
    result = server.command("import", "articles", "no-such.csv")
    assert result.returncode == 2
    assert "no-such.csv" in result.stderr
