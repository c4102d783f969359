"""Waiting for a request's body before the request takes a place, so that who sends slowly keeps nobody waiting."""

from collections import deque

import anyio
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

AHEAD_BYTES = 256 * 1024
"""So much of a body is waited for: all of it, except of imports and of what is too large for its call."""
TOO_SLOW = 408
SENTENCE = "The body did not arrive in time; send it again."


async def body_ahead(receive: Receive, seconds: float) -> Receive:
    """Wait for the body; return a `receive` that gives it. Raises TimeoutError if it takes longer than `seconds`.

    What is left of a larger body has as long again: its `receive` raises HTTPException then.
    """
    came: deque[Message] = deque()
    size = 0
    with anyio.fail_after(seconds):
        while size <= AHEAD_BYTES:
            came.append(message := await receive())
            size += len(message.get("body", b""))
            if not message.get("more_body", False):
                break
    rest = bool(came[-1].get("more_body", False))
    deadline = anyio.current_time() + seconds

    async def give() -> Message:
        nonlocal rest
        if came:
            return came.popleft()
        if not rest:  # who asks now waits for the client to hang up
            return await receive()
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(TOO_SLOW, SENTENCE, {"connection": "close"}) from error
        rest = bool(message.get("more_body", False))
        return message

    return give
