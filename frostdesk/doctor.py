"""`frostdesk doctor`: is everything there that an installation needs?"""

import shutil
import sys
from collections.abc import Iterator

from redis import Redis, RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from agent.database import Database
from agent.errors import Unavailable
from agent.schema_revision import wait_for_revision
from agent.settings import Settings
from frostdesk.queue_server import find_server
from skills.errors import BackboneUnusable
from skills.loading import load_backbone

LEAST_FREE = 500 * 1024 * 1024
Finding = tuple[str, bool, str]


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield (name, whether it is good, words) for everything an installation needs."""
    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    yield _disk(settings)
    yield _queue(settings)
    yield from _database(settings)
    try:
        backbone = load_backbone(settings.backbone, settings.precision, settings.device)
    except BackboneUnusable as error:
        yield "backbone", False, str(error)
    else:
        how = f"{backbone.dtype} on {backbone.device}"
        yield "backbone", True, f"{backbone.name}, {how}, fingerprint {backbone.fingerprint[:12]}"


def _disk(settings: Settings) -> Finding:
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.data).free
    except OSError as error:
        return "disk", False, f"{error}; check FROSTDESK_DATA"
    return "disk", free > LEAST_FREE, f"{free // 2**20} MiB free in {settings.data}"


def _queue(settings: Settings) -> Finding:
    try:
        client = Redis.from_url(settings.redis_url, socket_connect_timeout=1, socket_timeout=1)
    except ValueError as error:
        return "queue", False, f"{error}; check REDIS_URL"
    try:
        client.ping()
    except (RedisError, OSError):
        try:
            return "queue", True, f"none runs at REDIS_URL; 'frostdesk up' will start {find_server()}"
        except RuntimeError as error:
            return "queue", False, str(error)
    return "queue", True, "the queue server answers"


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        database = Database(settings.database, pool=1)
    except (SQLAlchemyError, ImportError) as error:
        yield "database", False, f"{error}; check DATABASE_URL"
        return
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
        yield "database", True, database.url.render_as_string(hide_password=True)
        wait_for_revision(database, seconds=0)
        yield "tables", True, "current"
    except SQLAlchemyError as error:
        yield "database", False, f"it does not answer ({type(error).__name__}); check DATABASE_URL"
    except Unavailable as error:
        yield "tables", False, error.sentence
    finally:
        database.close()
