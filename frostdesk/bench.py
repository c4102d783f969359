"""`frostdesk bench`: train with the default recipe on your own rows and score all four arms."""

import gzip
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from agent.settings import Settings
from frostdesk.client import BAD_INPUT, fail, print_json
from frostdesk.options import Json, console

app = typer.Typer(
    help="Measure accuracy on your own data: skill, prompt, no_prefix, probe.", no_args_is_help=True
)
File = Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True)]
Rows = list[dict[str, Any]]


@app.command()
def label(
    train: File,
    test: File,
    shots: Annotated[
        int | None, typer.Option(min=1, help="Draw this many rows a label.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Score a label skill. JSONL (plain or .gz) rows: {"text","intent","oos"?} or {"text","intents":[...]}.

    Example: frostdesk bench label --train train.jsonl.gz --test dev.jsonl.gz --shots 10 --json
    """
    from frostdesk.bench_rows import label_rows  # noqa: PLC0415 - torch is only needed here

    _run(lambda: label_rows(_read(train), _read(test), shots, seed), "label_arms", seed, as_json)


@app.command()
def faq(
    articles: File,
    queries: File,
    train_queries: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Score article search. Articles {"faq_id","question","answer"}, queries {"text","faq_id" or null}.

    Example: frostdesk bench faq --articles faq.jsonl --queries asked.jsonl --json
    """
    from frostdesk.bench_rows import faq_rows  # noqa: PLC0415

    taught = _read(train_queries) if train_queries else None
    _run(lambda: faq_rows(_read(articles), _read(queries), taught), "search_arms", seed, as_json)


def _run(make: Any, measure: str, seed: int, as_json: bool) -> None:  # noqa: ANN401
    from skills import arms  # noqa: PLC0415
    from skills.errors import SkillsError  # noqa: PLC0415
    from skills.loading import load_backbone  # noqa: PLC0415

    settings = Settings()
    try:
        skill, taught, asked = make()
        backbone = load_backbone(settings.backbone, settings.precision)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), disable=as_json
        ) as bar:
            task = bar.add_task("tuning", total=None, left="")

            def on_step(step: Any) -> None:  # noqa: ANN401
                words = f"epoch {step.epoch}/{step.epochs} loss {step.loss:.3f}"
                bar.update(
                    task,
                    description=words,
                    total=step.total,
                    completed=step.done,
                    left=f"{step.seconds_left:.0f} s left",
                )

            found = getattr(arms, measure)(backbone, skill, taught, asked, seed, on_step)
    except SkillsError as error:
        fail(str(error), BAD_INPUT)
    if as_json:
        print_json(found)
        return
    table = Table("", *found, box=None, pad_edge=False)
    for metric in next(iter(found.values())):
        values = [found[arm][metric] for arm in found]
        if any(value is not None for value in values):
            table.add_row(metric, *("-" if value is None else f"{value:.4g}" for value in values))
    console.print(table)


def _read(file: Path) -> Rows:
    """Read plain or gzip'd JSONL; a bad row ends the command with its number."""
    opener = gzip.open if file.suffix == ".gz" else open
    rows: Rows = []
    try:
        with opener(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict) or not isinstance(row.get("text", row.get("question")), str):
                        fail(f"{file.name} row {number}: it needs a text.", BAD_INPUT)
                    rows.append(row)
    except (OSError, ValueError) as error:
        fail(f"{file.name}: {error}", BAD_INPUT)
    if not rows:
        fail(f"{file.name} has no rows.", BAD_INPUT)
    return rows
