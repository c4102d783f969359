"""What must hold whatever died: read from the database and the stored prompts, after every round."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select

from agent.retrainings import MOST_ATTEMPTS, OPEN
from agent.tables import (
    Artefact,
    Conversation,
    Delivery,
    Escalation,
    InboundEvent,
    Message,
    Promotion,
    Retraining,
    Skill,
    Turn,
    Version,
)
from skills.backbone import Backbone
from skills.checkpoint import unpack
from skills.errors import PromptRefused
from tests.faults.helpdesk import Helpdesk, event_of, ticket_of
from tests.faults.house import House
from tests.faults.visitors import Visitor


def broken(
    house: House, visitors: Sequence[Visitor], backbone: Backbone, helpdesk: Helpdesk | None = None
) -> list[str]:
    """Return every invariant that does not hold, in words. Nobody may write meanwhile; the workers may work."""
    with house.database.reading() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})  # workers go on meanwhile
        skills = list(session.scalars(select(Skill)))
        versions = list(session.scalars(select(Version)))
        runs = list(session.scalars(select(Retraining)))
        promotions = list(session.scalars(select(Promotion).order_by(Promotion.created_at)))
        artefacts = dict(session.execute(select(Artefact.digest, Artefact.content)).all())
        turns, escalations = list(session.scalars(select(Turn))), list(session.scalars(select(Escalation)))
        owners = dict(session.execute(select(Conversation.id, Conversation.owner)).all())
    found = _live(skills, versions, artefacts, backbone) + _runs(runs, promotions) + _answers(turns, promotions)
    found += _hand_overs(turns, escalations, owners) + house.surprises
    for visitor in visitors:
        found += _visitor(house, visitor)
    return found + (_tickets(house, helpdesk) if helpdesk else [])


def _live(skills: list[Skill], versions: list[Version], artefacts: dict[str, bytes], backbone: Backbone) -> list[str]:
    """I1, I4, I5: one live version a skill, where the pointer says, with intact bytes for this backbone; numbers are not used twice."""
    found = []
    for skill in skills:
        own = [version for version in versions if version.skill_id == skill.id]
        live = [version.id for version in own if version.status == "live"]
        if live != ([skill.live_version_id] if skill.live_version_id else []):
            found.append(f"{skill.name}: live are {live}, the pointer says {skill.live_version_id}")
        if sorted(version.number for version in own) != list(range(1, len(own) + 1)):
            found.append(f"{skill.name}: version numbers are not 1 to {len(own)}")
    for version in versions:
        try:
            unpack(artefacts[version.digest], version.digest, backbone)
        except PromptRefused as error:
            found.append(f"{version.id}: {error}")
    return found


def _runs(runs: list[Retraining], promotions: list[Promotion]) -> list[str]:
    """I3, I9: what was opened has ended, within its attempts, and promoted at most once, as it says."""
    found = [f"{run.id} is still {run.status}" for run in runs if run.status in OPEN]
    found += [f"{run.id} had {run.attempt} attempts" for run in runs if run.attempt > MOST_ATTEMPTS]
    moved = [promotion.retraining_id for promotion in promotions if promotion.retraining_id]
    if len(moved) != len(set(moved)):
        found.append("a retraining promoted twice")
    promoted = {run.id for run in runs if run.status == "promoted"}
    if set(moved) != promoted:
        found.append(f"promotions of {sorted(set(moved) ^ promoted)} are not what the retrainings say")
    return found


def _answers(turns: list[Turn], promotions: list[Promotion]) -> list[str]:
    """I6: no answer by a version that had not been promoted when it was given."""
    since = {promotion.to_version_id: promotion.created_at for promotion in reversed(promotions)}
    return [
        f"{turn.id} was answered by {version}, which was not promoted"
        for turn in turns
        for version in turn.versions.values()
        if version not in since or since[version] > turn.created_at
    ]


def _hand_overs(turns: list[Turn], escalations: list[Escalation], owners: dict[str, str]) -> list[str]:
    """I2: what was handed over was handed over once, and a human has it."""
    recorded = Counter(escalation.turn_id for escalation in escalations)
    decided = Counter(turn.id for turn in turns if turn.outcome == "escalated")
    found = [f"{turn} was handed over {recorded[turn]} times" for turn in recorded | decided if recorded[turn] != 1]
    found += [f"{turn} was handed over and does not say so" for turn in recorded - decided]
    return found + [
        f"{escalation.conversation_id} was handed over and nobody has it"
        for escalation in escalations
        if escalation.status == "open" and owners[escalation.conversation_id] != "human"
    ]


def _visitor(house: House, visitor: Visitor) -> list[str]:
    """I2, I7: every accepted message is stored once, in its conversation, in the order it was said."""
    by_conversation: dict[str, list[tuple[str, str]]] = {}
    for conversation, client_id, turn in visitor.accepted:
        by_conversation.setdefault(conversation, []).append((client_id, turn))
    with house.database.reading() as session:
        started = select(Conversation.id).where(Conversation.visitor_id == visitor.id).order_by(Conversation.created_at)
        conversations = list(session.scalars(started))
    found = [] if by_conversation else [f"{visitor.name_} was never heard"]
    if conversations != list(by_conversation):
        found.append(f"{visitor.name_}: conversations that nobody began, or out of order")
    for conversation, messages in by_conversation.items():
        found += _conversation(house, conversation, messages)
    return found


def _conversation(house: House, conversation: str, said: list[tuple[str, str]]) -> list[str]:
    """Hold one conversation against what was accepted of it: (client message id, turn id)."""
    messages, turns = _read(house, conversation)
    theirs = [message for message in messages if message.author == "customer"]
    found = []
    if [message.client_id for message in theirs] != [client_id for client_id, _ in said]:
        found.append(f"{conversation}: not the accepted messages alone, each once, in the order they were said")
    if [message.seq for message in messages] != list(range(1, len(messages) + 1)):
        found.append(f"{conversation}: the numbers have gaps")
    for (client_id, turn_id), message in zip(said, theirs, strict=False):
        turn = turns.get(message.id)
        if turn is None or turn.id != turn_id:
            found.append(f"{client_id}: accepted as {turn_id}, stored as {turn.id if turn else 'nothing'}")
    replies = [turn.reply_id for turn in turns.values() if turn.reply_id]
    if sorted(replies) != sorted(message.id for message in messages if message.author == "bot"):
        found.append(f"{conversation}: replies and turns do not match")
    return found


def _read(house: House, conversation: str) -> tuple[list[Message], dict[str, Turn]]:
    """Return a conversation's messages in order, and its turns by message."""
    with house.database.reading() as session:
        turns = session.scalars(select(Turn).where(Turn.conversation_id == conversation))
        rows = select(Message).where(Message.conversation_id == conversation).order_by(Message.seq)
        return list(session.scalars(rows)), {turn.message_id: turn for turn in turns}


def _tickets(house: House, helpdesk: Helpdesk) -> list[str]:
    """I2, I7: every accepted event is stored once, and each ticket's messages stand in the order they were sent."""
    accepted, mine = helpdesk.accepted, helpdesk.connection_id
    with house.database.reading() as session:
        stored = set(session.scalars(select(InboundEvent.event_id).where(InboundEvent.connection_id == mine)))
        rows = session.execute(
            select(Conversation.external_id, Message.client_id)
            .join(Message, Message.conversation_id == Conversation.id)
            .where(Conversation.connection_id == mine, Message.author == "customer")
            .order_by(Message.conversation_id, Message.seq)
        ).all()
    lost = {event_of(number) for number in range(accepted)} - stored
    found = [f"accepted and not stored: {sorted(lost)}"] if lost else []
    by_ticket: dict[str, list[str]] = {}
    for number in range(accepted):
        by_ticket.setdefault(ticket_of(number), []).append(event_of(number))
    heard: dict[str, list[str]] = {}
    for ticket, name in rows:
        heard.setdefault(ticket, []).append(name)
    found += [
        f"{ticket}: {names}" for ticket, names in heard.items() if names != by_ticket.get(ticket, [])[: len(names)]
    ]
    return found


def unanswered(house: House, helpdesk: Helpdesk) -> list[str]:
    """I2, once all is quiet: every accepted event has its one turn and its one answer, which has arrived."""
    arrived = {headers["webhook-id"] for _, _, headers in helpdesk.receiver.got}
    with house.database.reading() as session:
        rows = session.execute(
            select(InboundEvent, Delivery)
            .outerjoin(Delivery, Delivery.inbound_event_id == InboundEvent.id)
            .where(InboundEvent.connection_id == helpdesk.connection_id)
        ).all()
    found = [] if len(rows) == helpdesk.accepted else [f"{len(rows)} answers to {helpdesk.accepted} events"]
    for event, delivery in rows:
        if event.status != "handled" or event.turn_id is None:
            found.append(f"{event.event_id} is {event.status}: {event.error}")
        elif delivery is None or delivery.status != "sent" or delivery.id not in arrived:
            found.append(f"the answer to {event.event_id} did not arrive")
    return found
