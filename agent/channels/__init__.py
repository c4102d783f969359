"""Ways in and out. One file a helpdesk, each offering what `channel.Channel` says."""

from collections.abc import Callable, Mapping

from agent.channels import chatwoot, freshdesk, front, gorgias, helpscout, intercom, slack, standard, zammad, zendesk
from agent.channels.channel import Channel

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
    "slack": slack,
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
