"""Every error the service raises on purpose, with the HTTP status the edge gives it.

AgentError
├── BadInput            422  what was sent cannot be used; nothing was changed
├── NotAllowed          403  this key or token does not open that
├── NotSignedIn         401  no key or token, or one that is not valid
├── NotFound            404  no such thing on this desk
├── Conflict            409  true before, not any more, or already under way
├── TooMany             429  slow down
└── Unavailable         503  a part that is needed is down; try again
"""

from typing import ClassVar


class AgentError(Exception):
    """An expected failure. `code` is for programs, the sentence is for people."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BadInput(AgentError):
    """What was sent cannot be used."""

    status = 422
    code = "bad_input"


class NotSignedIn(AgentError):
    """No valid key or token."""

    status = 401
    code = "not_signed_in"


class NotAllowed(AgentError):
    """The key or token does not open this."""

    status = 403
    code = "not_allowed"


class NotFound(AgentError):
    """No such thing on this desk."""

    status = 404
    code = "not_found"


class Conflict(AgentError):
    """The state has moved on, or the same is already under way."""

    status = 409
    code = "conflict"


class TooMany(AgentError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, sentence: str, retry_after: int = 1) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(AgentError):
    """A needed part is down."""

    status = 503
    code = "unavailable"
