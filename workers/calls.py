"""Requests to other servers: to public addresses, without redirects, with patience for one answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from agent.addresses import safe_transport
from agent.channels.channel import Call
from agent.errors import Unavailable
from workers.access_tokens import authorization

TIMEOUT = 10.0
"""Seconds for each wait; a request and its answer take WHOLE times as long at most: who drips holds nobody longer."""
WHOLE = 3
LONGEST_ANSWER = 1024 * 1024
"""Bytes of an answer that is read."""
UNANSWERED = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
"""What `answered` raises where there is no answer. UnicodeError: a name DNS cannot spell."""


@contextmanager
def answered(call: Call, private: bool, timeout: float = TIMEOUT) -> Iterator[httpx.Response]:
    """Send a request; hand out its answer, whose body is not read yet. `private`: private addresses are allowed.

    Raises httpx.HTTPStatusError if it needs an access token and the helpdesk gives none, and one of UNANSWERED.
    """
    transport = safe_transport(private, WHOLE * timeout)
    with (
        httpx.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False) as client,
        client.stream(
            call.method, call.url, content=call.body, headers={**call.headers, **authorization(client, call)}
        ) as answer,
    ):
        yield answer


def read(answer: httpx.Response) -> bytes:
    """Return an answer's body. Raises Unavailable for one that is long."""
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > LONGEST_ANSWER:
            raise Unavailable("The answer is too long to be read.")
    return body


def fetch(call: Call, private: bool) -> bytes:
    """Return the body of a helpdesk's answer. Raises Unavailable without one, or for one that is long."""
    try:
        with answered(call, private) as answer:
            if answer.status_code != httpx.codes.OK:
                raise Unavailable(f"The helpdesk answered {answer.status_code} when asked for the message.")
            return read(answer)
    except UNANSWERED as error:
        raise Unavailable(f"The helpdesk cannot be asked for the message ({type(error).__name__}).") from error
