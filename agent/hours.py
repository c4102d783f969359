"""When a desk's humans are there: times of the week in one time zone. Pure.

Where clocks are put forward or back, a time that is left out counts as that much later, and of a time that comes
twice the first counts (RFC 5545, section 3.3.5).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.errors import BadInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
"""Minutes."""
EXAMPLE = "mon-fri 09:00-17:00, sat 00:00-24:00"
AHEAD = 15
"""Days that are looked at: a week, and one more for times that a change of the clocks swallows whole."""
_DAY = "|".join(DAYS)
_SPAN = re.compile(rf"({_DAY})(?:-({_DAY}))? (\d\d?):([0-5]\d)-(\d\d?):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Hours of one day: `day` 0 is Monday; minutes after its midnight, beyond 1440 on the next day."""

    day: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Hours:
    """A week of a desk."""

    spans: tuple[Span, ...]
    zone: ZoneInfo


def read_hours(times: str, zone: str) -> Hours:
    """Return what times such as `mon-fri 09:00-17:00, fri 22:00-02:00` mean. Raises BadInput."""
    spans = tuple(span for part in times.split(",") for span in _spans(" ".join(part.casefold().split())))
    try:
        return Hours(spans, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as Europe
        raise BadInput(f"'{zone}' is no time zone; name one like Europe/Berlin.") from error


def hours_of(policy: Mapping[str, Any]) -> Hours | None:
    """Return the hours in a desk's policy; None: somebody is taken to be there always."""
    written = policy.get("hours")
    return read_hours(written["times"], written["zone"]) if written else None


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Return whether somebody is there at an aware time."""
    return hours is None or any(begins <= now < ends for begins, ends in _around(hours, now))


def opens_at(hours: Hours | None, now: datetime) -> datetime | None:
    """Return when somebody will be there next, in UTC; None if somebody is there now."""
    if hours is None or is_open(hours, now):
        return None
    return min(begins for begins, _ in _around(hours, now) if begins > now)


def _spans(part: str) -> list[Span]:
    found = _SPAN.fullmatch(part)
    begins, ends = (int(found[at]) * 60 + int(found[at + 1]) for at in (3, 5)) if found else (0, 0)
    if found is None or begins >= DAY or ends > DAY or begins == ends:
        raise BadInput(f"'{part}' are no hours of the week; write them like '{EXAMPLE}'.")
    first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
    ends += DAY if ends < begins else 0
    return [Span((first + further) % 7, begins, ends) for further in range((last - first) % 7 + 1)]


def _around(hours: Hours, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield beginning and end, in UTC, of the spans from yesterday on; one that the clocks swallow is left out."""
    today = now.astimezone(hours.zone).date()
    for further in range(-1, AHEAD):
        day = today + timedelta(days=further)
        for span in hours.spans:
            if span.day == day.weekday():
                begins, ends = (_moment(day, minutes, hours.zone) for minutes in (span.begins, span.ends))
                if begins < ends:
                    yield begins, ends


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    return (datetime.combine(day, time(), zone) + timedelta(minutes=minutes)).astimezone(UTC)
