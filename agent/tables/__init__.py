"""Every table of the service, one file a family."""

from agent.tables.access import IdempotentCall, Installation, Key
from agent.tables.base import Table, new_id, utc_now
from agent.tables.channels import Connection, Delivery, InboundEvent
from agent.tables.conversations import Conversation, Escalation, Message, Turn
from agent.tables.desks import Article, Desk, Intent
from agent.tables.endpoints import Endpoint, OutboundEvent
from agent.tables.erasures import Erasure
from agent.tables.learning import Correction, Example, Retraining
from agent.tables.skills import Artefact, Promotion, Skill, Version
from agent.tables.trials import Trial

__all__ = [
    "Artefact",
    "Article",
    "Connection",
    "Conversation",
    "Correction",
    "Delivery",
    "Desk",
    "Endpoint",
    "Erasure",
    "Escalation",
    "Example",
    "IdempotentCall",
    "InboundEvent",
    "Installation",
    "Intent",
    "Key",
    "Message",
    "OutboundEvent",
    "Promotion",
    "Retraining",
    "Skill",
    "Table",
    "Trial",
    "Turn",
    "Version",
    "new_id",
    "utc_now",
]
