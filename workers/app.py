"""The Celery application and its settings (docs/decisions/0005 says why each is what it is).

Nothing here imports torch: it is loaded in the child that runs a task, never in the parent that forks it.
"""

import os
import socket

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from agent.logs import configure_logging
from agent.settings import Settings

settings = Settings()
VISIBILITY = 3600
"""Seconds; longer than any task may run, or the queue server would hand it out twice."""
TRAINING_LIMIT = 1800
SWEEP_SECONDS = 10.0

app = Celery("frostdesk", broker=settings.redis_url, include=["workers.tasks"])
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    # The row is the job: a message that is lost or repeated costs nothing, so it may be acked early.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    task_time_limit=TRAINING_LIMIT,
    task_soft_time_limit=TRAINING_LIMIT - 60,
    visibility_timeout=VISIBILITY,
    broker_transport_options={
        "visibility_timeout": VISIBILITY,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 25,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=200,
    task_default_queue="events",
    beat_schedule={"sweep": {"task": "sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS}}},
    beat_schedule_filename=str(settings.data / "beat-schedule"),
)


@setup_logging.connect
def _our_logging(**_: object) -> None:
    configure_logging(settings.log_json)


@worker_process_init.connect
def _be_polite(**_: object) -> None:
    """Workers yield to the processes that answer customers."""
    os.setpriority(os.PRIO_PROCESS, 0, 10)


def worker_name() -> str:
    """Return who is working: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
