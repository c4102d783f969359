"""Running a server: everything at once, or its parts one by one."""

import os
from typing import Annotated

import typer

from agent.settings import Settings
from frostdesk.client import BAD_INPUT, fail
from frostdesk.options import console
from skills import FEW_PROGRAMS

demo = typer.Typer(help="The demo desk.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (up, api, worker, beat, migrate, doctor):
        app.command()(command)


def up(
    with_demo: Annotated[bool, typer.Option("--demo", help="Load the demo desk if there is no desk yet.")] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; taken: another is chosen.", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
) -> None:
    """Run a whole installation: queue server, database, API, workers, beat. Ctrl-C stops it.

    Example: frostdesk up --demo
    """
    from frostdesk import up as supervisor  # noqa: PLC0415 - the other commands start faster without it

    changes = {name: value for name, value in (("port", port), ("host", host)) if value is not None}
    try:
        supervisor.run(Settings(**changes), with_demo, lambda words: console.print(words, markup=False))
    except RuntimeError as error:
        fail(str(error), BAD_INPUT)


def api() -> None:
    """Run one API process (settings from the environment)."""
    import uvicorn  # noqa: PLC0415

    from agent.app import create_app  # noqa: PLC0415

    settings = Settings()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def worker(
    queue: Annotated[str, typer.Option(help="events, training, or both: events,training")] = "events,training",
) -> None:
    """Run one Celery worker. Keep training in a worker of its own where tickets must not wait for it."""
    if "training" in queue.split(","):
        for name, most in FEW_PROGRAMS.items():
            os.environ.setdefault(name, most)
    from workers.app import app, worker_name  # noqa: PLC0415

    unknown = set(queue.split(",")) - {"events", "training"}
    if unknown:
        fail(
            f"There is no queue called {', '.join(sorted(unknown))}; there are events and training.",
            BAD_INPUT,
        )
    Settings().data.mkdir(parents=True, exist_ok=True)
    size = str(len(queue.split(",")))
    app.worker_main(
        [
            "worker",
            "-Q",
            queue,
            "-c",
            size,
            "-n",
            f"{queue}@{worker_name()}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def beat() -> None:
    """Run the clock that sends the sweep (one an installation is enough; more do no harm)."""
    from workers.app import app  # noqa: PLC0415

    Settings().data.mkdir(parents=True, exist_ok=True)
    app.start(["beat", "--pidfile="])


def migrate() -> None:
    """Bring the database to the shape this version needs."""
    from agent.schema_revision import migrate as upgrade  # noqa: PLC0415

    settings = Settings()
    settings.data.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database)
    console.print("The database is current.")


def doctor() -> None:
    """Check what an installation needs, and say what to do about what is missing."""
    from frostdesk.doctor import examine  # noqa: PLC0415

    healthy = True
    for name, good, words in examine(Settings()):
        healthy = healthy and good
        console.print(f"{'ok  ' if good else 'BAD '} {name:<10} {words}", markup=False)
    if not healthy:
        raise typer.Exit(BAD_INPUT)


@demo.command("load")
def load() -> None:
    """Put the demo desk into the database."""
    from agent.database import Database  # noqa: PLC0415
    from agent.demo_desk import load_demo  # noqa: PLC0415
    from agent.errors import AgentError  # noqa: PLC0415

    database = Database(Settings().database, pool=1)
    try:
        with database.writing() as session:
            desk = load_demo(session)
    except AgentError as error:
        fail(error.sentence, BAD_INPUT)
    console.print(f"The desk '{desk.slug}' is there.")
