"""What must hold whatever died: read from the database and the stored prompts, after every round."""

from collections.abc import Sequence

from sqlalchemy import select

from agent.retrainings import MOST_ATTEMPTS, OPEN
from agent.tables import Artefact, Message, Promotion, Retraining, Skill, Turn, Version
from skills.backbone import Backbone
from skills.checkpoint import unpack
from skills.errors import PromptRefused
from tests.faults.house import House
from tests.faults.visitors import Visitor


def broken(house: House, visitors: Sequence[Visitor], backbone: Backbone) -> list[str]:
    """Return every invariant that does not hold, in words."""
    with house.database.reading() as session:
        skills = list(session.scalars(select(Skill)))
        versions = list(session.scalars(select(Version)))
        runs = list(session.scalars(select(Retraining)))
        promotions = list(session.scalars(select(Promotion).order_by(Promotion.created_at)))
        artefacts = dict(session.execute(select(Artefact.digest, Artefact.content)).all())
        turns = list(session.scalars(select(Turn)))
    found = _live(skills, versions, artefacts, backbone) + _runs(runs, promotions) + _answers(turns, promotions)
    for visitor in visitors:
        found += _conversation(house, visitor)
    return found


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


def _conversation(house: House, visitor: Visitor) -> list[str]:
    """I2, I7: every accepted message is stored once, answered or handed over once, in the order it was said."""
    said = list(visitor.accepted)  # before the tables are read: the visitor goes on writing
    if visitor.conversation is None:
        return [f"{visitor.name_} was never heard"]
    with house.database.reading() as session:
        mine = visitor.conversation
        turns = {turn.message_id: turn for turn in session.scalars(select(Turn).where(Turn.conversation_id == mine))}
        rows = select(Message).where(Message.conversation_id == mine).order_by(Message.seq)
        messages = list(session.scalars(rows))
    theirs = [message for message in messages if message.author == "customer"]
    accepted = [client_id for client_id, _ in said]
    found = []
    if [message.client_id for message in theirs][: len(accepted)] != accepted:
        found.append(f"{visitor.name_}: not every accepted message is stored once, in the order it was said")
    if [message.seq for message in messages] != list(range(1, len(messages) + 1)):
        found.append(f"{visitor.name_}: the conversation's numbers have gaps")
    for (client_id, turn_id), message in zip(said, theirs, strict=False):
        turn = turns.get(message.id)
        if turn is None or turn.id != turn_id:
            found.append(f"{client_id}: accepted as {turn_id}, stored as {turn.id if turn else 'nothing'}")
    last = theirs[len(said) - 1].seq if len(theirs) >= len(said) > 0 else 0
    replies = [turn.reply_id for turn in turns.values() if turn.reply_id]
    bots = {message.id: message.seq for message in messages if message.author == "bot"}
    strays = [seq for reply, seq in bots.items() if reply not in replies and seq < last]
    if len(set(replies)) < len(replies) or not bots.keys() >= set(replies) or strays:
        found.append(f"{visitor.name_}: replies and turns do not match")
    return found
