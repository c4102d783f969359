"""What the retraining of one skill must leave alone, measured: the backbone, the other skills, their answers.

`observe` before and after, then `differences` names what moved. Nothing here writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from sqlalchemy import select
from torch import Tensor

from agent.desks import passages_of
from agent.office import Office
from agent.tables import Artefact, Skill, Version
from skills.backbone import Backbone, Row
from skills.checkpoint import unpack
from skills.errors import PromptRefused
from skills.fingerprint import digest_tensors
from skills.index import Index, build_index
from skills.loading import load_backbone
from skills.prompt import SoftPrompt
from skills.reading import verdicts_of
from skills.skill import Verdict, render

Claim = Literal["backbone", "versions", "answers"]
Tokens = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a prompt made of N messages.

    `states` `[N, H]` are read under it; `opinions` are each message's float32 scores, prompted then bare.
    """

    prompt: SoftPrompt
    states: Tensor
    opinions: tuple[bytes, ...]
    verdicts: tuple[tuple[Verdict, ...], ...]


@dataclass(frozen=True, slots=True)
class SkillSeen:
    """A skill's live version, the sha256 of its stored bytes, its answers (None: the bytes are no prompt)."""

    number: int
    sha256: str
    answers: Answers | None


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that must not move. `weights` digests the backbone in memory, `fingerprint` its files.

    `bare` `[N, H]` are the states of the messages `tokens` without a prompt.
    """

    fingerprint: str
    weights: str
    tokens: Tokens
    bare: Tensor
    skills: Mapping[str, SkillSeen]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that moved, and which claim it breaks."""

    claim: Claim
    sentence: str


def observe(office: Office, desk_id: str, retrained: str, texts: Sequence[str]) -> Observation:
    """Measure the backbone and every other live skill of a desk on these messages.

    Digests are computed from bytes and prompts are loaded from the database anew, whatever this process knows.
    """
    with office.database.reading() as session:
        passages = passages_of(session, desk_id)
        stored = session.execute(
            select(Skill.name, Version.number, Version.digest, Artefact.content)
            .join(Version, Skill.live_version_id == Version.id)
            .join(Artefact, Version.digest == Artefact.digest)
            .where(Skill.desk_id == desk_id, Skill.name != retrained)
            .order_by(Skill.name)
        ).all()
    backbone = office.backbone
    prompts = {name: _load(content, digest, backbone) for name, _, digest, content in stored}
    longest = max((prompt.length for prompt in prompts.values() if prompt), default=0)
    tokens = tuple(backbone.tokenize([render(text) for text in texts], longest))
    bare, index = backbone.forward([Row(row) for row in tokens]), build_index(backbone, passages)
    seen = {}
    for name, number, _, content in stored:
        prompt = prompts[name]
        answers = _answers(backbone, prompt, tokens, bare, index) if prompt else None
        seen[name] = SkillSeen(number, sha256(content).hexdigest(), answers)
    fingerprint = load_backbone(backbone.path, "float32").fingerprint
    return Observation(fingerprint, digest_tensors(backbone.encoder.tensors()), tokens, bare, seen)


def differences(before: Observation, after: Observation) -> list[Difference]:
    """Name everything that is not equal to the bit, in one sentence each."""
    found = []
    if before.fingerprint != after.fingerprint:
        found.append(Difference("backbone", "The files of the backbone changed."))
    if before.weights != after.weights:
        found.append(Difference("backbone", "The backbone's weights changed in memory."))
    for name in sorted(before.skills.keys() | after.skills.keys()):
        old, new = before.skills.get(name), after.skills.get(name)
        if old is None or new is None:
            found.append(Difference("versions", f"'{name}' has {'a' if new else 'no'} live version now."))
        else:
            found += _moved_version(name, old, new) + _moved_answers(name, old, new)
    return found


def answers_of(seen: Observation) -> list[Answers]:
    """Return the answers of every skill whose prompt could be read, by name."""
    return [skill.answers for skill in seen.skills.values() if skill.answers]


def _load(content: bytes, digest: str, backbone: Backbone) -> SoftPrompt | None:
    try:
        return unpack(content, digest, backbone)
    except PromptRefused:
        return None


def row_under(prompt: SoftPrompt | None, tokens: tuple[int, ...]) -> Row:
    """Return a message's row under a prompt (None: bare)."""
    return Row(tokens) if prompt is None else Row(tokens, prompt.prefix, prompt.positions)


def _answers(backbone: Backbone, prompt: SoftPrompt, tokens: Tokens, bare: Tensor, index: Index) -> Answers:
    states = backbone.forward([row_under(prompt, row) for row in tokens])
    own = prompt.indexed(index) if prompt.retrieves else None
    opinions = zip(*(scores.numpy() for scores in prompt.scores(states, bare, own)), strict=True)
    verdicts = verdicts_of(prompt, states, bare, own)
    return Answers(
        prompt,
        states,
        tuple(prompted.tobytes() + alone.tobytes() for prompted, alone in opinions),
        tuple(map(tuple, verdicts)),
    )


def _moved_version(name: str, before: SkillSeen, after: SkillSeen) -> list[Difference]:
    found = []
    if before.number != after.number:
        sentence = f"'{name}': version {before.number} was live, now version {after.number} is."
        found.append(Difference("versions", sentence))
    if before.sha256 != after.sha256:
        found.append(Difference("versions", f"'{name}': the stored bytes of its live prompt changed."))
    return found


def _moved_answers(name: str, before: SkillSeen, after: SkillSeen) -> list[Difference]:
    if before.answers is None or after.answers is None:
        return [Difference("answers", f"'{name}': its stored bytes cannot be read as a prompt.")]
    counts = {
        "scores": _unequal(before.answers.opinions, after.answers.opinions),
        "verdicts": _unequal(before.answers.verdicts, after.answers.verdicts),
    }
    return [
        Difference("answers", f"'{name}': other {what} for {count} of {len(after.answers.verdicts)} messages.")
        for what, count in counts.items()
        if count
    ]


def _unequal(before: Sequence[object], after: Sequence[object]) -> int:
    return sum(old != new for old, new in zip(before, after, strict=True))
