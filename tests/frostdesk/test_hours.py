"""A desk's hours, by command."""

from datetime import UTC, datetime, timedelta

from agent.hours import DAYS
from tests.conftest import Running
from tests.frostdesk.conftest import done, refused


def test_hours_are_set_shown_and_forgotten(own: Running) -> None:
    assert "somebody is taken to be there always" in done(own.command("desk", "hours"))
    day = datetime.now(UTC).date() + timedelta(days=3)
    times = f"{DAYS[day.weekday()]} 12:00-13:00"
    said = done(own.command("desk", "hours", times, "--zone", "Pacific/Kiritimati"))
    assert said.startswith(f"Somebody is there {times} (Pacific/Kiritimati).\n")
    assert f"next on {day:%A} {day} at 12:00." in said
    assert done(own.command("desk", "hours")) == said
    assert "Somebody is there now." in done(
        own.command("desk", "hours", "mon-sun 00:00-24:00", "--zone", "Europe/Berlin")
    )
    assert "always" in done(own.command("desk", "hours", "off"))


def test_hours_need_a_zone_and_sense(own: Running) -> None:
    for arguments in (("mon 09:00-17:00",), ("off", "--zone", "UTC"), ("--zone", "UTC")):
        assert "go together" in refused(own.command("desk", "hours", *arguments), 2)
    assert "write them like" in refused(own.command("desk", "hours", "weekdays", "--zone", "UTC"), 2)
    assert "no time zone" in refused(own.command("desk", "hours", "mon 09:00-17:00", "--zone", "Mars"), 2)
    assert "always" in done(own.command("desk", "hours"))
