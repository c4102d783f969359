"""Reading bench files. A row that cannot be used is named by its file and number."""

import gzip
import json
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from skills.errors import CannotTune

Row = dict[str, Any]
Check = Callable[[Row], str | None]
"""Says what is wrong with a row, or None."""


def read_rows(file: Path, check: Check) -> list[Row]:
    """Return the rows of a JSONL file, plain or gzip'd (.gz). Raises CannotTune."""
    opener = gzip.open if file.suffix == ".gz" else open
    rows: list[Row] = []
    number = 0
    try:
        with opener(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows.append(_row(line, check, f"{file.name} row {number}"))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CannotTune(f"{file.name} cannot be read after row {number}: {error}.") from error
    if not rows:
        raise CannotTune(f"{file.name} has no rows.")
    return rows


class LabelCheck:
    """Rows of a label skill: the train file's first row decides whether a row has one intent or several.

    Make one for both files, and read the train file first.
    """

    def __init__(self) -> None:
        self._several: bool | None = None

    def __call__(self, row: Row) -> str | None:
        """Say what is wrong with a row, or None."""
        if not _is_text(row.get("text")):
            return 'it needs a "text"'
        if self._several is None:
            self._several = "intents" in row
        if self._several:
            named = row.get("intents")
            good = isinstance(named, list) and all(_is_text(name) for name in named)
            return None if good else 'it needs "intents", a list of names, as the first row of the train file has'
        if row.get("oos") or _is_id(row.get("intent")):
            return None
        return 'it needs an "intent", or "oos": true'


class ArticleCheck:
    """Articles, each with an id of its own."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def __call__(self, row: Row) -> str | None:
        """Say what is wrong with an article, or None."""
        if not _is_id(row.get("faq_id")):
            return 'it needs a "faq_id"'
        if str(row["faq_id"]) in self.ids:
            return f"there is an article with the faq_id {row['faq_id']} already"
        self.ids.add(str(row["faq_id"]))
        for name in ("question", "answer"):
            if not _is_text(row.get(name)):
                return f'it needs a "{name}"'
        phrasings = row.get("phrasings", [])
        good = isinstance(phrasings, list) and all(_is_text(text) for text in phrasings)
        return None if good else '"phrasings" is a list of texts'


def query_check(ids: Collection[str]) -> Check:
    """Return the check of queries for the articles with these ids."""

    def check(row: Row) -> str | None:
        if not _is_text(row.get("text")):
            return 'it needs a "text"'
        if "faq_id" not in row:
            return 'it needs a "faq_id" (null: no article answers it)'
        wanted = row["faq_id"]
        return None if wanted is None or str(wanted) in ids else f"there is no article with the faq_id {wanted}"

    return check


def _row(line: str, check: Check, place: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CannotTune(f"{place}: it is not JSON ({error}).") from error
    problem = check(row) if isinstance(row, dict) else "it is not an object"
    if problem:
        raise CannotTune(f"{place}: {problem}.")
    return dict(row)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_id(value: object) -> bool:
    return _is_text(value) or (isinstance(value, int) and not isinstance(value, bool))
