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
    """Return the label skill of a train file, its train rows (drawn, if `shots`) and its test rows.

    Raises CannotTune for intents that only the test file has.
    """
    several = "intents" in train[0]
    labels, asked_for = (sorted({name for row in rows for name in _intents(row)}) for rows in (train, test))
    unknown = sorted(set(asked_for) - set(labels))
    if unknown:
        raise CannotTune(f"The test file has intents the train file does not: {', '.join(unknown[:5])}.")
    if not several and not asked_for:
        raise CannotTune("The test file has no row with an intent.")
    if several and shots is not None:
        raise CannotTune("--shots draws rows that have one intent each; these have several.")
    if several:
        axis = Axis("intents", tuple(labels), exclusive=False)
        taught, asked = ([_multi(row, axis.labels) for row in rows] for rows in (train, test))
    else:
        axis = Axis("intent", tuple(labels), rejects="out_of_scope")
        taught, asked = ([_single(row) for row in rows] for rows in (train, test))
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
    if all(row["faq_id"] is None for row in queries):
        raise CannotTune("The queries have no row with a faq_id.")
    return Skill("bench", "bench", SEARCH_INSTRUCTION, (axis,), passages), taught, asked


def _intents(row: dict[str, Any]) -> list[str]:
    if row.get("oos"):
        return []
    return list(row["intents"]) if "intents" in row else [str(row["intent"])]


def _single(row: dict[str, Any]) -> Example:
    return Example(row["text"], {"intent": next(iter(_intents(row)), None)})


def _multi(row: dict[str, Any], labels: tuple[str, ...]) -> Example:
    return Example(row["text"], {label: label in row["intents"] for label in labels})


def _query(row: dict[str, Any]) -> Example:
    wanted = row["faq_id"]
    return Example(row["text"], {"article": None if wanted is None else str(wanted)})


def _sentences(answer: str) -> list[str]:
    parts = [part.strip() for part in answer.replace("\n", ". ").split(". ")]
    return [part for part in parts if len(part.split()) >= LEAST_WORDS][:MOST_SENTENCES]
