"""When a desk's humans are there."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from frostdesk.client import BAD_INPUT, Client, fail
from frostdesk.options import Desk, console

PATH = "/v1/admin/desk/hours"
app = typer.Typer()


@app.command("hours")
def set_hours(
    times: Annotated[
        str | None, typer.Argument(help="Days and times of the week; or off: always.", show_default=False)
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Their time zone, such as Europe/Berlin.", show_default=False)
    ] = None,
    desk: Desk = None,
) -> None:
    """Say (or without times, show) when the desk's humans are there, and so whether somebody is there now.

    Visitors are told when somebody is there next. An end before its beginning is on the next day: fri 22:00-02:00.

    Example: frostdesk desk hours "mon-fri 09:00-17:00, sat 10:00-14:00" --zone Europe/Berlin
    """
    if (zone is None) != (times in (None, "off")):
        fail("Times and their zone go together: 'mon-fri 09:00-17:00' --zone Europe/Berlin.", BAD_INPUT)
    client = Client(desk)
    if times == "off":
        client.call("DELETE", PATH)
    elif times is not None:
        client.call("PUT", PATH, json={"times": times, "zone": zone})
    found = client.get(PATH)
    if found["times"] is None:
        console.print("No hours are set; somebody is taken to be there always.")
        return
    console.print(f"Somebody is there {found['times']} ({found['zone']}).")
    if found["available"]:
        console.print("Somebody is there now.")
    else:
        back = datetime.fromisoformat(found["back_at"]).astimezone(ZoneInfo(found["zone"]))
        console.print(f"Nobody is there now; next on {back:%A %Y-%m-%d at %H:%M}.")
