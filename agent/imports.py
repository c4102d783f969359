"""Reading examples and articles from CSV or JSONL: all of a file, or none of it."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.desks import touch_desk
from agent.errors import BadInput
from agent.examples import LONGEST_TEXT, add_example, check_target, ready_skill, split_role, text_digest
from agent.tables import Article, Skill
from skills.skill import Skill as ReadySkill

MOST_PROBLEMS = 10
ROLES = ("train", "calibration", "gate", "golden")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _storable(text: str) -> str:
    """Return the text. Raises if it has a character that PostgreSQL does not store."""
    if "\0" in text:
        raise PydanticCustomError("null_character", "Text should have no null character")
    return text


Storable = Annotated[str, AfterValidator(_storable)]


class ArticleRow(BaseModel):
    """One article of a file."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    question: Storable = Field(min_length=1, max_length=10_000)
    answer: Storable = Field(min_length=1, max_length=20_000)
    link: Storable | None = None
    phrasings: list[Storable] = []


def import_examples(
    session: Session, skill: Skill, content: bytes, form: str, role: str | None, representative: bool
) -> dict[str, int]:
    """Add judged texts of one skill; return how many went to each role.

    A row has `text` and the skill's labels by name; out of scope is an empty value. `role` puts all rows
    into one role; `representative` spreads them by digest over train, calibration and gate, which is only
    fair for a sample nobody picked. Otherwise they train. Raises BadInput with row numbers; nothing is
    stored then.
    """
    if role is not None and role not in ROLES:
        raise BadInput(f"The role is one of {', '.join(ROLES)}.")
    ready = ready_skill(session, skill)
    problems: list[str] = []
    parsed = []
    for number, row in read_rows(content, form):
        try:
            parsed.append(_example(row, ready))
        except BadInput as error:
            problems.append(f"row {number}: {error.sentence}")
    _refuse(problems)
    counts: Counter[str] = Counter()
    for text, target in parsed:
        chosen = role or (split_role(skill.id, text_digest(text)) if representative else "train")
        counts[add_example(session, skill, text, target, "import", chosen).role] += 1
    return dict(counts)


def import_articles(session: Session, desk_id: str, content: bytes, form: str) -> int:
    """Add or replace articles; return how many. Raises BadInput with row numbers; nothing is stored then."""
    problems: list[str] = []
    parsed: list[ArticleRow] = []
    for number, row in read_rows(content, form):
        values = {name: value for name, value in row.items() if value not in (None, "")}
        if isinstance(values.get("phrasings"), str):  # a CSV cell, one phrasing a line or between bars
            values["phrasings"] = [
                part.strip() for part in values["phrasings"].replace("\n", "|").split("|") if part.strip()
            ]
        try:
            parsed.append(ArticleRow.model_validate(values))
        except ValidationError as error:
            first = error.errors()[0]
            problems.append(f"row {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    _refuse(problems)
    known = {row.slug: row for row in session.scalars(select(Article).where(Article.desk_id == desk_id))}
    for article in parsed:
        stored = known.get(article.slug)
        if stored is None:
            stored = known[article.slug] = Article(desk_id=desk_id, slug=article.slug, position=len(known))
            session.add(stored)
        for name, value in article.model_dump(exclude={"slug"}).items():
            setattr(stored, name, value)
    touch_desk(session, desk_id)
    return len(parsed)


def read_rows(content: bytes, form: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (row number, row) of a CSV (`csv`) or JSONL (`jsonl`) file. Raises BadInput."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"The file is not UTF-8 text (byte {error.start}).") from error
    if not text.strip():
        raise BadInput("The file is empty.")
    yield from _csv_rows(text) if form == "csv" else _json_rows(text)


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise BadInput(f"row {reader.line_num}: it has another number of fields than the header.")
            yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(f"row {reader.line_num}: {error}.") from error


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"row {number}: it is not JSON ({error}).") from error
        except RecursionError as error:
            raise BadInput(f"row {number}: it is nested too deeply.") from error
        if not isinstance(row, dict):
            raise BadInput(f"row {number}: it is not an object.")
        yield number, row


def _example(row: Mapping[str, Any], ready: ReadySkill) -> tuple[str, dict[str, Any]]:
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise BadInput("it has no text.")
    if len(text) > LONGEST_TEXT:
        raise BadInput(f"its text is longer than {LONGEST_TEXT} characters.")
    if "\0" in text or text.encode("utf-8", "replace").decode() != text:
        raise BadInput("its text has a character that cannot be stored.")
    named = {axis.name for axis in ready.axes if axis.exclusive}
    target: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("text", "oos"):
            continue
        if name in named:
            target[name] = None if value in (None, "") else value
        elif value not in (None, ""):
            target[name] = _TRUTH.get(str(value).casefold(), value)
    check_target(ready, target)
    return text.strip(), target


def _refuse(problems: list[str]) -> None:
    if problems:
        more = f" (and {len(problems) - MOST_PROBLEMS} more)" if len(problems) > MOST_PROBLEMS else ""
        raise BadInput(f"Nothing was imported. {'; '.join(problems[:MOST_PROBLEMS])}{more}")
