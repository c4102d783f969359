"""Ways in and out. One file a helpdesk, each offering what `channel.Channel` says."""

from agent.channels import chatwoot, freshdesk, gorgias, helpscout, intercom, standard, zammad, zendesk
from agent.channels.channel import Channel

CHANNELS: dict[str, Channel] = {
    "standard": standard,
    "chatwoot": chatwoot,
    "zendesk": zendesk,
    "intercom": intercom,
    "zammad": zammad,
    "freshdesk": freshdesk,
    "helpscout": helpscout,
    "gorgias": gorgias,
}
"""By the `kind` of a connection."""
