"""The tasks, by name. Each imports its work when it runs, so that torch loads in the child alone."""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from workers.app import app, settings

if TYPE_CHECKING:
    from agent.office import Office


@lru_cache(maxsize=1)
def office() -> "Office":
    """Return this process's office, made on first use. It computes on half of the cores: chat needs the others."""
    from agent.office import open_office  # noqa: PLC0415

    cores = settings.torch_threads or max(1, (os.cpu_count() or 1) // 2)
    return open_office(settings.model_copy(update={"torch_threads": cores}))


@app.task(name="retrain")
def retrain(retraining_id: str) -> None:
    """Run one retraining, if it is still there to be taken."""
    from workers.retraining import run_retraining  # noqa: PLC0415

    run_retraining(office(), retraining_id, settings.training_gib)


@app.task(name="handle_event")
def handle_event(event_id: str) -> None:
    """Turn one stored inbound event into a turn and a delivery."""
    from workers.events import run_event  # noqa: PLC0415

    run_event(office(), event_id, settings.private_deliveries)


@app.task(name="deliver")
def deliver(delivery_id: str) -> None:
    """Send one delivery, if it is due."""
    from workers.deliveries import run_delivery  # noqa: PLC0415

    run_delivery(office().database, settings, delivery_id)


@app.task(name="send_events")
def send_events(endpoint_id: str) -> None:
    """Send an endpoint what is due to it; what is left after a round waits for the other rows' turn."""
    from workers.outbound import run_endpoint  # noqa: PLC0415

    if run_endpoint(office().database, settings, endpoint_id):
        office().jobs.nudge("send_events", endpoint_id)


@app.task(name="sweep")
def sweep(*_: str) -> None:
    """Find what was lost: waiting rows nobody was told of, and rows whose worker died."""
    from workers.sweep import run_sweep  # noqa: PLC0415

    run_sweep(settings)
