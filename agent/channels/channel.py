"""What every helpdesk's file offers: it checks and reads what the helpdesk sends, and spells what it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from agent.tables import Connection, Delivery

Mode = Literal["answer", "draft", "label", "watch"]
"""What a connection does with its desk's answers: send them, note them for a human, only label, or nothing."""


TEST_TEXT = "Hello, is anybody there?"


@dataclass(frozen=True, slots=True)
class Heard:
    """A customer's public message.

    `ours`: whether the helpdesk leaves the conversation to the bot, if it says so. Where it says only to whom it is
    assigned, that is the `assignee`, and None while it is nobody's. `reply_to`: what a reply must name besides the
    ticket, such as the customer; it goes into the reply's payload. `place`: where it was said, if the connection's
    notes may go to such a place.
    """

    ticket_id: str
    text: str
    ours: bool | None = None
    assignee: str | None = None
    reply_to: Mapping[str, Any] = field(default_factory=dict)
    place: str | None = None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A human answers this ticket now; the bot must be silent. `author`: who, unless it is the bot's own user."""

    ticket_id: str
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Retrain:
    """A skill is to be retrained."""

    skill: str


Event = Heard | TakenOver | Retrain | None
"""What an event asks for; None: nothing."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Something to be sent: which of the channel's actions, and with what."""

    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who asks where for an access token (OAuth2, RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a helpdesk.

    `client`: whose access token it must carry, where a helpdesk takes none that lasts.
    """

    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    client: ClientCredentials | None = None


class Channel(Protocol):
    """One file of `agent/channels`.

    `BUSY` is the status by which this helpdesk understands that it should try again; nothing is sent for messages of
    `TEST_TICKET`, which only try a connection out.
    """

    BUSY: int
    TEST_TICKET: str

    def secrets_for(self, given: str | None, /) -> list[str]:
        """Return the secrets of a new connection. Raises BadInput."""
        ...

    def check_credentials(self, given: Mapping[str, Any], url: str | None, /) -> dict[str, Any]:
        """Return what calls to the helpdesk need, checked. Raises BadInput."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, /) -> str:
        """Check an event's raw bytes, headers (names in small letters) and time; return its id.

        Raises NotSignedIn, BadInput.
        """
        ...

    def parse(self, body: bytes, /) -> Event:
        """Return what a verified event asks for. Raises BadInput for a body that is no such event."""
        ...

    def ticket_of(self, body: bytes, /) -> str | None:
        """Return the ticket an event of any type names, however little else of it can be read."""
        ...

    def plan(self, mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str], /) -> list[Planned]:
        """Return what is to be sent for a turn, in order."""
        ...

    def call(self, connection: Connection, delivery: Delivery, now: datetime, /) -> Call:
        """Spell one delivery. Raises BadInput for what this helpdesk has no place for."""
        ...

    def sample(self, secrets: Sequence[str], number: int, now: datetime, /) -> Call:
        """Return a customer's message of `TEST_TICKET` as this helpdesk would send it; `url` is empty."""
        ...
