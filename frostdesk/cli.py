"""`frostdesk`: the whole command. Each group of commands has a file of its own."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from frostdesk import (
    ask,
    bench,
    channels,
    desks,
    endpoints,
    erasures,
    handover,
    hours,
    isolation,
    keys,
    learn,
    lineage,
    policies,
    review,
    server,
    trials,
)
from frostdesk.trouble import explain

EPILOG = (
    'Examples:  frostdesk ask "my card still hasn\'t come"  |  frostdesk review  |  '
    "frostdesk correct TURN --skill router --target intent=card_arrival  |  frostdesk retrain router --wait"
)
app = typer.Typer(
    help="Run a support desk's agent, talk to it, correct it, retrain it.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(desks.intents, name="intent")
app.add_typer(desks.articles, name="article")
app.add_typer(desks.desks, name="desk")
desks.desks.add_typer(policies.policies)
desks.desks.add_typer(hours.app)
app.add_typer(desks.imports, name="import")
app.add_typer(keys.app, name="key")
app.add_typer(channels.app, name="channel")
app.add_typer(channels.deliveries, name="delivery")
app.add_typer(endpoints.app, name="endpoint")
app.add_typer(bench.app, name="bench")
app.add_typer(trials.app, name="trial")
app.add_typer(handover.app, name="conversation")
app.add_typer(server.demo, name="demo")
for group in (ask, review, learn, lineage, isolation, server, handover, erasures):
    group.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frostdesk {version('frostdesk')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Commands speak to the server of FROSTDESK_URL with FROSTDESK_KEY (default: what `make run` left)."""


def main() -> None:
    """Run the command; an expected failure is one sentence on stderr."""
    try:
        app()
    except Exception as error:
        found = explain(error)
        if found is None:
            raise
        sentence, code = found
        typer.echo(f"frostdesk: {sentence}", err=True)
        sys.exit(code)
