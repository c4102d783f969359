"""The command's side of the HTTP API: one call, one clear sentence when it fails."""

import json
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import typer

from frostdesk.keyfile import find_access

REFUSED, BAD_INPUT, UNREACHABLE = 1, 2, 3
TIMEOUT = 60.0


class Client:
    """Calls the running server; every failure ends the command with the exit code that says which kind."""

    def __init__(self, desk: str | None = None) -> None:
        self._access = find_access()
        self._desk = desk
        self._headers = {"authorization": f"Bearer {self._access.key}"} if self._access.key else {}

    def call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of an answer (None for an empty one)."""
        params = {**options.pop("params", {}), **({"desk": self._desk} if self._desk else {})}
        try:
            with self._open() as http:
                answer = http.request(method, path, params=params, **options)
        except httpx.HTTPError as error:
            fail(
                f"No Frostdesk server answers at {self._access.url} ({type(error).__name__}). "
                "Start one with 'make run' or 'frostdesk up', or set FROSTDESK_URL.",
                UNREACHABLE,
            )
        if answer.is_success:
            return self._json(answer)
        sentence = _sentence(answer)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            sentence += " Set FROSTDESK_KEY, or run the command where 'make run' was started."
        return fail(sentence, UNREACHABLE if answer.is_server_error else BAD_INPUT)

    def _open(self) -> httpx.Client:
        return httpx.Client(base_url=self._access.url, headers=self._headers, timeout=TIMEOUT, trust_env=False)

    def _json(self, answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
        try:
            return answer.json() if answer.content else None
        except ValueError:
            return fail(f"What answers at {self._access.url} is no Frostdesk server; see FROSTDESK_URL.", UNREACHABLE)

    def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """GET; parameters that are None are left out."""
        return self.call("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: Any = None, **options: Any) -> Any:  # noqa: ANN401 - JSON
        """POST a JSON body."""
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)


def part(name: str) -> str:
    """Return a name as one part of a path, whatever characters it has."""
    return quote(name, safe="")


def fail(sentence: str, code: int) -> NoReturn:
    """Say what is wrong on stderr and end with this exit code."""
    typer.echo(f"frostdesk: {sentence}", err=True)
    raise typer.Exit(code)


def print_json(data: Any) -> None:  # noqa: ANN401 - JSON
    """Print machine-readable output."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {answer.status_code}."
