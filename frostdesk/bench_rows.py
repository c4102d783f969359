"""Bench files as skills and examples."""

from typing import Any

from skills.arms import draw_shots
from skills.errors import CannotTune
from skills.skill import Axis, Example, Skill

Rows = list[dict[str, Any]]
Task = tuple[Skill, list[Example], list[Example]]
LABEL_INSTRUCTION = "decide which kind of message this is"
SEARCH_INSTRUCTION = "find the help article that answers this question"
LEAST_WORDS, MOST_SENTENCES = 4, 5


def label_rows(train: Rows, test: Rows, shots: int | None, seed: int) -> Task:
    """Return the label skill of a train file, its train rows (drawn, if `shots`) and its test rows."""
    if any("intents" in row for row in train):
        labels = tuple(sorted({label for row in train for label in row["intents"]}))
        axis = Axis("intents", labels, exclusive=False)
        taught, asked = ([_multi(row, labels) for row in rows] for rows in (train, test))
    else:
        axis = Axis(
            "intent", tuple(sorted({_intent(row) or "" for row in train} - {""})), rejects="out_of_scope"
        )
        taught, asked = ([_single(row) for row in rows] for rows in (train, test))
        unknown = {str(e.target["intent"]) for e in asked if e.target["intent"]} - set(axis.labels)
        if unknown:
            raise CannotTune(
                f"The test file has intents the train file does not: {', '.join(sorted(unknown)[:5])}."
            )
        if shots is not None:
            taught = draw_shots(taught, "intent", shots, seed)
    return Skill("bench", "bench", LABEL_INSTRUCTION, (axis,)), taught, asked


def faq_rows(articles: Rows, queries: Rows, train_queries: Rows | None) -> Task:
    """Return the search skill of an article file, its training queries and its test queries.

    Without training queries the articles teach themselves: each sentence of an answer, and each further
    phrasing of a question, is a query for its article.
    """
    passages = {str(row["faq_id"]): (row["question"], *row.get("phrasings", ())) for row in articles}
    axis = Axis("article", tuple(passages), rejects="likely_wrong")
    if train_queries is None:
        taught = [
            Example(sentence, {"article": str(row["faq_id"])}, group=str(row["faq_id"]))
            for row in articles
            for sentence in _sentences(row["answer"])
        ]
    else:
        taught = [_query(row) for row in train_queries]
    asked = [_query(row) for row in queries]
    return Skill("bench", "bench", SEARCH_INSTRUCTION, (axis,), passages), taught, asked


def _intent(row: dict[str, Any]) -> str | None:
    return None if row.get("oos") else str(row["intent"])


def _single(row: dict[str, Any]) -> Example:
    return Example(row["text"], {"intent": _intent(row)})


def _multi(row: dict[str, Any], labels: tuple[str, ...]) -> Example:
    return Example(row["text"], {label: label in row["intents"] for label in labels})


def _query(row: dict[str, Any]) -> Example:
    wanted = row["faq_id"]
    return Example(row["text"], {"article": None if wanted is None else str(wanted)})


def _sentences(answer: str) -> list[str]:
    parts = [part.strip() for part in answer.replace("\n", ". ").split(". ")]
    return [part for part in parts if len(part.split()) >= LEAST_WORDS][:MOST_SENTENCES]
