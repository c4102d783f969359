"""Ways in and out. One file a helpdesk, each offering what `channel.Channel` says."""

from collections.abc import Callable, Mapping

from agent.channels import (
    chatwoot,
    freshdesk,
    front,
    gorgias,
    helpscout,
    hubspot,
    intercom,
    slack,
    standard,
    sunshine,
    zammad,
    zendesk,
)
from agent.channels.channel import Call, Channel
from agent.tables import Connection

CHANNELS: dict[str, Channel] = {
    "standard": standard,
    "chatwoot": chatwoot,
    "zendesk": zendesk,
    "intercom": intercom,
    "zammad": zammad,
    "freshdesk": freshdesk,
    "helpscout": helpscout,
    "front": front,
    "gorgias": gorgias,
    "hubspot": hubspot,
    "slack": slack,
    "sunshine": sunshine,
}
"""By the `kind` of a connection."""

CHALLENGES: dict[str, Callable[[bytes, Mapping[str, str]], dict[str, str] | None]] = {
    "front": front.challenge,
    "slack": slack.challenge,
}
"""By kind, for helpdesks that ask a question before they store an address: what a verified body, with its headers
(names in small letters), is answered with at once, None if it is an event."""

REFUSALS: dict[str, Callable[[bytes], str | None]] = {"slack": slack.refusal}
"""By kind, for helpdesks that answer 200 whatever they did: what the body of such an answer says went wrong."""

SPLITS: dict[str, Callable[[bytes], list[tuple[str, bytes]]]] = {"hubspot": hubspot.split, "sunshine": sunshine.split}
"""Kinds that post several events at once: what returns the name and the body of each, and raises BadInput."""

FETCHES: dict[str, Callable[[Connection, bytes], Call | None]] = {"hubspot": hubspot.fetch}
"""Kinds whose events say only where the words are: the call whose answer is read in an event's place, if any is."""

KEYS: dict[str, Callable[[str, str], str]] = {"hubspot": hubspot.key}
"""Kinds whose signatures cover the address posted to: what makes a secret and that address into one key."""


def endpoint(connection: Connection, base: str) -> str:
    """Return where a connection's events are posted, below the address of this installation."""
    return f"{base.rstrip('/')}/webhooks/{connection.kind}/{connection.id}"


def keys(connection: Connection, base: str) -> list[str]:
    """Return what a connection's events may be signed with: its secrets, together with the address where it counts."""
    make = KEYS.get(connection.kind)
    return [make(secret, endpoint(connection, base)) if make else secret for secret in connection.secrets]
