"""`frostdesk bench`: train with the default recipe on your own rows and score all four arms."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.settings import Settings
from frostdesk.bench_files import ArticleCheck, LabelCheck, query_check, read_rows
from frostdesk.client import BAD_INPUT, fail, print_json
from frostdesk.listing import listing
from frostdesk.options import Json, console
from frostdesk.progress import training_bar
from skills.errors import SkillsError

app = typer.Typer(help="Measure accuracy on your own data: skill, prompt, no_prefix, probe.", no_args_is_help=True)
Train = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Rows to learn from, .jsonl or .jsonl.gz.")]
Test = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Rows to score on.")]
Articles = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The articles, .jsonl or .jsonl.gz.")]
Queries = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Questions to score on.")]
Taught = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        show_default=False,
        help="Questions to learn from; default: sentences of the answers.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Order of the data, and which rows --shots draws.")]


@app.command()
def label(
    train: Train,
    test: Test,
    shots: Annotated[int | None, typer.Option(min=1, help="Draw this many rows a label.", show_default=False)] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Score a label skill. JSONL (plain or .gz) rows: {"text","intent","oos"?} or {"text","intents":[...]}.

    Example: frostdesk bench label --train train.jsonl.gz --test dev.jsonl.gz --shots 10 --json
    """
    with _clear_words():
        check = LabelCheck()
        taught, asked = read_rows(train, check), read_rows(test, check)
        from frostdesk.bench_rows import label_rows  # noqa: PLC0415 - torch is only needed from here on

        _measure(label_rows(taught, asked, shots, seed), "label_arms", seed, as_json)


@app.command()
def faq(
    articles: Articles,
    queries: Queries,
    train_queries: Taught = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Score article search. Articles {"faq_id","question","answer"}, queries {"text","faq_id" or null}.

    Example: frostdesk bench faq --articles faq.jsonl --queries asked.jsonl --json
    """
    with _clear_words():
        known = ArticleCheck()
        bank = read_rows(articles, known)
        check = query_check(known.ids)
        asked, taught = read_rows(queries, check), read_rows(train_queries, check) if train_queries else None
        from frostdesk.bench_rows import faq_rows  # noqa: PLC0415

        _measure(faq_rows(bank, asked, taught), "search_arms", seed, as_json)


@contextmanager
def _clear_words() -> Iterator[None]:
    """End the command with the sentence of an expected failure."""
    try:
        yield
    except SkillsError as error:
        fail(str(error), BAD_INPUT)


def _measure(task: Any, measure: str, seed: int, as_json: bool) -> None:  # noqa: ANN401
    from skills import arms  # noqa: PLC0415
    from skills.loading import load_backbone  # noqa: PLC0415

    settings = Settings()
    backbone = load_backbone(settings.backbone, settings.precision, settings.device)
    with training_bar(quiet=as_json) as bar:
        shown = bar.add_task("tuning", total=None, left="")

        def on_step(step: Any) -> None:  # noqa: ANN401
            words = f"epoch {step.epoch}/{step.epochs} loss {step.loss:.3f}"
            left = f"{step.seconds_left:.0f} s left"
            bar.update(shown, description=words, total=step.total, completed=step.done, left=left)

        found = getattr(arms, measure)(backbone, *task, seed, on_step)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, dict[str, float | None]]) -> None:
    table = listing("", *found)
    for metric in next(iter(found.values())):
        values = [found[arm][metric] for arm in found]
        if any(value is not None for value in values):
            table.add_row(metric, *("-" if value is None else f"{value:.4g}" for value in values))
    console.print(table)
