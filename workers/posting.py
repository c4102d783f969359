"""One HTTP request to somebody else's server, and when to try again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from agent.channels.channel import Call
from agent.errors import Unavailable
from agent.tables import utc_now
from workers.access_tokens import forget
from workers.calls import UNANSWERED, answered, read

LONGEST_WAIT = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: the HTTP status, if it was answered, and what went wrong, if anything did.

    `wait`: for how many seconds the server asks us to wait. `late`: it did not answer in time.
    """

    status: int | None
    error: str | None
    wait: float = 0.0
    late: bool = False


def post(
    call: Call, whom: str, timeout: float, private: bool, refusal: Callable[[bytes], str | None] | None = None
) -> Outcome:
    """Send a request once, to a public address unless `private` allows others. `timeout` is in seconds.

    `refusal` finds out of the body of an answer of 2xx what went wrong all the same; without it no body is read.
    """
    status, wait = None, 0.0
    try:
        with answered(call, private, timeout) as answer:
            status, wait = answer.status_code, _asked_to_wait(answer.headers.get("retry-after"))
            error = None if answer.is_success else f"The {whom} answered {status}."
            if error is None and refusal is not None:
                error = refusal(read(answer))
    except Unavailable as unread:
        return Outcome(status, unread.sentence, wait)
    except httpx.HTTPStatusError as refused:
        status, wait = refused.response.status_code, _asked_to_wait(refused.response.headers.get("retry-after"))
        return Outcome(status, f"The {whom} gives us no access token: it answered {status}.", wait)
    except UNANSWERED as trouble:
        late = isinstance(trouble, httpx.TimeoutException)
        return Outcome(None, f"{type(trouble).__name__}: {trouble}"[:300], late=late)
    if status == httpx.codes.UNAUTHORIZED:
        forget(call)
    return Outcome(status, error, wait)


def next_try(seconds: float, wait: float) -> datetime:
    """Return when to try again: after so many seconds, give or take a fifth, or as long after as we are asked to."""
    return utc_now() + timedelta(seconds=max(seconds * random.uniform(0.8, 1.2), wait))  # noqa: S311 - not a secret


def _asked_to_wait(header: str | None) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), within a day; 0 without one we can read."""
    if header is None:
        return 0.0
    try:
        seconds = float(header) if header.isdigit() else (parsedate_to_datetime(header) - utc_now()).total_seconds()
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)
