"""When a desk's humans are there: days, midnight, the end of the week, and clocks that change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.errors import BadInput
from agent.hours import DAY, DAYS, Hours, hours_of, is_open, opens_at, read_hours

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
OFFICE = "mon-fri 09:00-17:00, sat 10:00-14:00"


def berlin(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def next_in_berlin(times: str, now: str) -> str | None:
    found = opens_at(read_hours(times, "Europe/Berlin"), berlin(now))
    return found.astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %d %H:%M") if found else None


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25T08:59", "Wed 25 09:00"),
        ("2026-11-25T09:00", None),
        ("2026-11-25T16:59", None),
        ("2026-11-25T17:00", "Thu 26 09:00"),
        ("2026-11-27T20:00", "Sat 28 10:00"),
        ("2026-11-28T13:59", None),
        ("2026-11-28T14:00", "Mon 30 09:00"),
        ("2026-11-29T12:00", "Mon 30 09:00"),
    ],
)
def test_a_week_in_an_office(now: str, opens: str | None) -> None:
    assert next_in_berlin(OFFICE, now) == opens
    assert is_open(read_hours(OFFICE, "Europe/Berlin"), berlin(now)) is (opens is None)


@pytest.mark.parametrize(
    ("times", "now", "opens"),
    [
        ("fri 22:00-02:00", "2026-11-27T23:59", None),
        ("fri 22:00-02:00", "2026-11-28T01:59", None),
        ("fri 22:00-02:00", "2026-11-28T02:00", "Fri 04 22:00"),
        ("sun 22:00-02:00", "2026-11-30T00:30", None),  # Monday belongs to Sunday's night
        ("sun 22:00-02:00", "2026-11-30T02:00", "Sun 06 22:00"),
        ("sat-mon 00:00-24:00", "2026-11-30T23:59", None),
        ("sat-mon 00:00-24:00", "2026-12-01T00:00", "Sat 05 00:00"),
        ("mon 20:00-00:00, tue 00:00-01:00", "2026-12-01T00:00", None),
        ("mon 09:00-12:00, mon 13:00-17:00", "2026-11-30T12:00", "Mon 30 13:00"),
        ("wed 09:00-10:00", "2026-11-25T10:00", "Wed 02 09:00"),
    ],
)
def test_nights_breaks_and_the_end_of_the_week(times: str, now: str, opens: str | None) -> None:
    assert next_in_berlin(times, now) == opens


@pytest.mark.parametrize(
    ("times", "now", "opens"),
    [  # 2026: forward on Sunday 29 March at 02:00, back on Sunday 25 October at 03:00
        ("mon 09:00-17:00", "2026-03-27T12:00:00", "2026-03-30T07:00:00+00:00"),
        ("mon 09:00-17:00", "2026-10-23T12:00:00", "2026-10-26T08:00:00+00:00"),
        ("sun 02:30-04:00", "2026-03-29T01:00:00", "2026-03-29T01:30:00+00:00"),  # 02:30 is left out: 03:30
        ("sun 02:15-02:45", "2026-03-29T01:00:00", "2026-03-29T01:15:00+00:00"),
        ("sun 02:30-03:00", "2026-03-29T01:00:00", "2026-04-05T00:30:00+00:00"),  # swallowed
        ("sun 02:30-04:00", "2026-10-25T01:00:00", "2026-10-25T00:30:00+00:00"),  # the first 02:30 of two
    ],
)
def test_hours_keep_to_clocks_that_change(times: str, now: str, opens: str) -> None:
    assert opens_at(read_hours(times, "Europe/Berlin"), berlin(now)) == datetime.fromisoformat(opens)


def test_a_night_lasts_as_long_as_the_clocks_say() -> None:
    night = read_hours("sat 22:00-06:00", "Europe/Berlin")
    begins, ends = berlin("2026-10-24T22:00").astimezone(UTC), berlin("2026-10-25T06:00").astimezone(UTC)
    assert ends - begins == timedelta(hours=9)
    assert is_open(night, ends - timedelta(seconds=1))
    assert not is_open(night, ends)


def test_without_hours_somebody_is_there_always() -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert (hours_of({}), is_open(None, now), opens_at(None, now)) == (None, True, None)


def test_a_policy_holds_what_was_written() -> None:
    found = hours_of({"hours": {"times": " MON  9:00-17:00 ,sat 10:00-11:00", "zone": "UTC"}})
    assert found == read_hours("mon 09:00-17:00, sat 10:00-11:00", "UTC")


@pytest.mark.parametrize(
    "times",
    [
        "",
        "always",
        "mon",
        "mon 9-17",
        "mon 09:00-09:00",
        "mon 24:00-24:00",
        "mon 09:00-24:01",
        "mon 09:60-17:00",
        "moon-fri 09:00-17:00",
        "mon-fri 09:00-17:00,",
        "mon-fri 09:00-17:00; sat 10:00-14:00",
        "mon ٠٩:00-17:00",
    ],
)
def test_hours_that_are_none_are_refused_with_an_example(times: str) -> None:
    with pytest.raises(BadInput, match="mon-fri 09:00-17:00"):
        read_hours(times, "UTC")


@pytest.mark.parametrize(
    "zone", ["", "Europe", "Europe/Nowhere", "../UTC", "/etc/passwd", "U\0TC", "x" * 5000, "+02:00"]
)
def test_a_zone_that_is_none_is_refused_with_an_example(zone: str) -> None:
    with pytest.raises(BadInput, match="Europe/Berlin"):
        read_hours(OFFICE, zone)


@st.composite
def weeks(draw: st.DrawFn) -> Hours:
    clocks = st.integers(0, DAY - 1)
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        days = "-".join(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=2)))
        begins, ends = draw(st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]))
        parts.append(f"{days} {begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}")
    return read_hours(", ".join(parts), draw(st.sampled_from(ZONES)))


moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as asked for


@given(weeks(), moments, st.floats(0, 1))
def test_the_next_opening_is_the_first(hours: Hours, now: datetime, share: float) -> None:
    opens = opens_at(hours, now)
    assert is_open(hours, now) is (opens is None)
    if opens is not None:
        assert is_open(hours, opens)
        assert now < opens <= now + timedelta(days=15)
        assert not is_open(hours, opens - timedelta(microseconds=1))
        assert not is_open(hours, now + (opens - now) * share * 0.999)


@given(weeks(), moments)
def test_on_days_without_a_change_the_clock_on_the_wall_decides(hours: Hours, now: datetime) -> None:
    local = now.astimezone(hours.zone)
    offsets = {(local + timedelta(days=days)).utcoffset() for days in (-2, -1, 0, 1, 2)}
    assume(len(offsets) == 1)
    minute = local.hour * 60 + local.minute
    said = {(span.day, at) for span in hours.spans for at in (0, DAY) if span.begins <= minute + at < span.ends}
    wanted = (local.weekday(), 0) in said or ((local.weekday() - 1) % 7, DAY) in said
    assert is_open(hours, now) is wanted
