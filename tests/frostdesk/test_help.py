"""Every command explains itself, and everything that offers JSON prints JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from frostdesk.cli import app
from tests.conftest import Running

MAIN = (
    "ask",
    "correct",
    "retrain",
    "prove-isolation",
    "promote",
    "rollback",
    "trial start",
    "up",
    "import examples",
    "import articles",
    "intent add",
    "desk create",
    "desk hours",
    "key new",
    "channel new",
    "endpoint new",
    "endpoint change",
    "conversation reply",
    "lineage",
    "forget",
    "bench label",
    "bench faq",
)
NO_LIST = {("prove-isolation",), ("withdraw",), ("forget",)}
"""Need no argument and offer JSON, but list nothing: one retrains a skill, the others want one of their options."""
TYPERS_OWN = {"--install-completion", "--show-completion", "--help"}


def tree(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with its path."""
    command = command or get_command(app)
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from tree(below, (*path, name))


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, path
    return result.output


def test_every_command_has_help_with_text() -> None:
    found = dict(tree())
    assert len(found) > 35
    for path, command in found.items():
        assert command.help, path
        assert command.help.split("\n")[0].strip(". ")[:40] in help_of(path), path


def test_every_argument_and_option_is_explained() -> None:
    for path, command in tree():
        for parameter in command.params:
            if not TYPERS_OWN & set(parameter.opts):
                assert parameter.help, (path, parameter.name)


@pytest.mark.parametrize("name", MAIN)
def test_the_main_commands_show_an_example(name: str) -> None:
    assert f"frostdesk {name}" in help_of(tuple(name.split())) or "--target intent=" in help_of((name,))


def test_the_front_page_shows_examples_and_the_version() -> None:
    assert 'frostdesk ask "my card' in help_of(())
    assert CliRunner().invoke(app, ["--version"]).output.startswith("frostdesk 0.")


def test_a_list_as_json_is_json(server: Running) -> None:
    """All commands that list something: they need no argument, and change nothing."""
    lists = []
    for path, command in tree():
        offers = any("--json" in parameter.opts for parameter in command.params)
        if offers and path not in NO_LIST and not any(parameter.required for parameter in command.params):
            lists.append(path)
    assert len(lists) >= 10
    for path in (*lists, ("versions", "router")):
        result = CliRunner().invoke(app, [*path, "--json"], env={"FROSTDESK_DATA": str(server.data)})
        assert result.exit_code == 0, (path, result.output)
        assert isinstance(json.loads(result.output), list), path
        plain = CliRunner().invoke(app, [*path], env={"FROSTDESK_DATA": str(server.data)})
        assert (plain.exit_code, bool(plain.output.strip())) == (0, True), path
