"""The file in which `frostdesk up` leaves the server's address and the admin key, for the command to find."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from agent.settings import Settings

NAME = "admin.json"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and what opens it."""

    url: str
    key: str


def keyfile(data: Path) -> Path:
    """Return where the file lies in a data folder."""
    return data / NAME


def write_keyfile(data: Path, access: Access) -> Path:
    """Write the file for its owner's eyes only (mode 0600)."""
    path = keyfile(data)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": access.url, "key": access.key}, file)
    draft.replace(path)
    return path


def read_keyfile(data: Path) -> Access | None:
    """Return what the file says, or None if there is none that can be read."""
    try:
        said = json.loads(keyfile(data).read_text(encoding="utf-8"))
        return Access(str(said["url"]), str(said["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_access() -> Access:
    """Return `FROSTDESK_URL` and `FROSTDESK_KEY`, filled up from the file `make run` writes."""
    settings = Settings()
    known = read_keyfile(settings.data) or Access(f"http://127.0.0.1:{settings.port}", "")
    return Access(os.environ.get("FROSTDESK_URL", known.url), os.environ.get("FROSTDESK_KEY", known.key))
