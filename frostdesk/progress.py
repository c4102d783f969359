"""The bar that shows a training's progress; only a terminal sees it."""

from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from frostdesk.options import errors


def training_bar(quiet: bool) -> Progress:
    """Return the bar. Its tasks have a field `left`: the time that is left, in words."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
    return Progress(*columns, console=errors, disable=quiet or not errors.is_terminal)


def show_training(bar: Progress, task: TaskID, now: Mapping[str, Any]) -> None:
    """Show what a retraining's row says of its progress."""
    if now.get("total"):
        words = f"{now['stage']}  epoch {now['epoch']}/{now['epochs']}  loss {now['loss']:.3f}"
        left = f"{now['seconds_left']:.0f} s left" if now["stage"] == "training" else ""
        bar.update(task, description=words, total=now["total"], completed=now["done"], left=left)
    elif now:
        bar.update(task, description=now["stage"], left="")
