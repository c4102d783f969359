"""Files of articles and examples: all of a file, or none of it."""

import httpx
import pytest

from tests.agent.api.conftest import TwoDesks, error

ARTICLES, EXAMPLES = "/v1/admin/import/articles", "/v1/admin/import/examples"


def examples(client: httpx.Client, skill: str) -> int:
    [row] = [row for row in client.get("/v1/admin/skills").json() if row["name"] == skill]
    return sum(row["examples"].values())


@pytest.mark.parametrize(
    ("form", "content", "row"),
    [
        ("csv", "slug,question,answer\na-1,Why?,So.\nNo Slug,Why?,So.\n", 3),
        ("csv", "slug,question,answer\na-1,Why?,So.\na-2,,So.\n", 3),
        ("csv", "slug,question,answer\na-1,Why?,So.,more\n", 2),
        ("jsonl", '{"slug": "a-1", "question": "Why?", "answer": "So."}\n{"slug": "a-2"}\n', 2),
        ("jsonl", '{"slug": "a-1", "question": "Why?", "answer": "So."}\nno json\n', 2),
        ("jsonl", '{"slug": "a-1", "question": "Why?", "answer": "So."}\n\n[1]\n', 3),
        ("jsonl", '{"slug": "a-1", "question": "Why?", "answer": "So."}\n' + "[" * 100_000, 2),
        ("jsonl", '{"slug": "a-1", "question": "Why\\u0000?", "answer": "So."}\n', 1),
        ("jsonl", '{"slug": "a-1", "question": "Why?", "answer": "So.", "phrasings": ["How\\u0000"]}\n', 1),
    ],
)
def test_articles_with_a_bad_row_are_not_imported_at_all(
    admin: httpx.Client, form: str, content: str, row: int
) -> None:
    before = admin.get("/v1/admin/articles").json()
    answer = admin.post(ARTICLES, params={"form": form}, content=content.encode())
    assert f"row {row}:" in error(answer, 422, "bad_input")
    assert admin.get("/v1/admin/articles").json() == before


@pytest.mark.parametrize(
    ("form", "content", "row"),
    [
        ("csv", "text,intent\nhow do gnomes travel,greeting\nby bus,no_such_intent\n", 3),
        ("csv", "text,intent\nhow do gnomes travel,greeting\n ,greeting\n", 3),
        ("csv", "text,mood\nhow do gnomes travel,greeting\n", 2),
        ("jsonl", '{"text": "how do gnomes travel", "intent": "greeting"}\n{"text": 5}\n', 2),
        ("jsonl", '{"text": "how do gnomes travel", "intent": "greeting"}\n{"text": "\\ud800", "intent": null}\n', 2),
        ("jsonl", '{"text": "how do gnomes travel", "intent": "greeting"}\n{"text": "a\\u0000", "intent": null}\n', 2),
        ("jsonl", f'{{"text": "{"x" * 10_001}", "intent": "greeting"}}\n', 1),
    ],
)
def test_examples_with_a_bad_row_are_not_imported_at_all(
    admin: httpx.Client, form: str, content: str, row: int
) -> None:
    before = examples(admin, "router")
    answer = admin.post(EXAMPLES, params={"form": form, "skill": "router"}, content=content.encode())
    assert f"row {row}:" in error(answer, 422, "bad_input")
    assert examples(admin, "router") == before


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_that_is_no_text_is_refused(admin: httpx.Client, content: bytes) -> None:
    for path in (ARTICLES, EXAMPLES):
        answer = admin.post(path, params={"form": "csv", "skill": "router"}, content=content)
        error(answer, 422, "bad_input")


def test_a_file_much_bigger_than_a_message_is_imported(desks: TwoDesks) -> None:
    lines = [f"how does gnome number {n} travel on a rainy day,greeting" for n in range(2000)]
    content = "\n".join(["text,intent", *lines]).encode()
    before = examples(desks.demo, "router")
    answer = desks.demo.post(EXAMPLES, params={"form": "csv", "skill": "router"}, content=content)
    assert answer.json() == {"added": 2000, "by_role": {"train": 2000}}
    assert examples(desks.demo, "router") == before + 2000


def test_articles_are_imported_and_replaced(desks: TwoDesks) -> None:
    for answer in ("So.", "Not so."):
        content = f"slug,question,answer,phrasings\na-1,Why?,{answer},What for?|How come?\n".encode()
        assert desks.other.post(ARTICLES, params={"form": "csv"}, content=content).json()["added"] == 1
        [row] = desks.other.get("/v1/admin/articles").json()
        assert (row["answer"], row["phrasings"]) == (answer, ["What for?", "How come?"])
    assert desks.other.delete("/v1/admin/articles/a-1").status_code == 204
