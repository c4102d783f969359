"""What `frostdesk prove-isolation` claims, each claim with what was compared and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.tables import Version
from skills.backbone import Backbone
from skills.prompt import SoftPrompt
from workers.isolation import Difference, Observation
from workers.neighbours import TOLERANCE, read_among, read_apart


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that was checked: in words, on what, and every difference found. `figures` are for programs."""

    name: str
    says: str
    compared: str
    differences: Sequence[str]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.differences


def claims_on_others(after: Observation, found: Sequence[Difference]) -> list[Claim]:
    """Return what is claimed of the backbone and of the skills that were not retrained."""
    skills, messages = f"{len(after.skills)} skills", len(after.tokens)
    against = {
        name: [row.sentence for row in found if row.claim == name] for name in ("backbone", "versions", "answers")
    }
    return [
        Claim(
            "backbone",
            "backbone: the same bytes",
            f"fingerprint {after.fingerprint[:12]} of its files, and its weights in memory",
            against["backbone"],
            {"fingerprint": after.fingerprint, "weights": after.weights},
        ),
        Claim(
            "versions",
            "other skills: the same live version, the same bytes",
            skills,
            against["versions"],
            {"skills": {name: {"version": seen.number, "sha256": seen.sha256} for name, seen in after.skills.items()}},
        ),
        Claim(
            "answers",
            "other skills: the same scores and verdicts, to the bit",
            f"{skills} x {messages} messages",
            against["answers"],
            {"skills": list(after.skills), "messages": messages},
        ),
    ]


def claims_on_neighbours(
    backbone: Backbone, after: Observation, old: SoftPrompt | None, new: SoftPrompt
) -> list[Claim]:
    """Return what is claimed of rows that share a batch with the new prompt's.

    Against batches of another shape they are equal within rounding; against the same batches with the old
    prompt's rows in place of the new one's, to the bit.
    """
    among, allowed = read_among(backbone, after, new), TOLERANCE[backbone.dtype]
    gap = float((among - read_apart(after)).abs().max())
    kind, rows = str(backbone.dtype).removeprefix("torch."), among.shape[0] * among.shape[1]
    beside = Claim(
        "neighbours",
        "other skills: the same in a batch with the new prompt",
        f"{rows} rows, largest difference {gap:.1g}, allowed {allowed:g} ({kind})",
        [] if gap <= allowed else [f"Rows beside the new prompt's differ by {gap:.1g}; {allowed:g} is allowed."],
        {"rows": rows, "largest_difference": gap, "allowed": allowed, "dtype": kind},
    )
    if old is None or old.prefix.shape != new.prefix.shape:
        return [beside]
    swapped = int((read_among(backbone, after, old) != among).any(-1).sum())
    against = [f"{swapped} of {rows} rows are not the same beside the new prompt as beside the old."]
    says = "other skills: as beside the old prompt, to the bit"
    return [beside, Claim("swapped", says, f"{rows} rows", against if swapped else [], {"rows": rows})]


def claim_on_retrained(name: str, old: tuple[Version, SoftPrompt] | None, new: tuple[Version, SoftPrompt]) -> Claim:
    """Return whether a candidate is another prompt than the version that was live before it."""
    version, prompt = new
    if old is None:
        return Claim("retrained", f"{name} has its first version", f"digest {version.digest[:12]}", [])
    before, known = old
    same_shape = prompt.prefix.shape == known.prefix.shape
    moved = float((prompt.prefix.float() - known.prefix.float()).abs().max()) if same_shape else None
    words = "another length of prefix" if moved is None else f"prefix moved by up to {moved:.3g}"
    differs = version.digest != before.digest and moved != 0
    return Claim(
        "retrained",
        f"{name}: version {version.number} is not version {before.number}",
        f"digest {before.digest[:12]} -> {version.digest[:12]}, {words}",
        [] if differs else [f"Version {version.number} of '{name}' is the same prompt as version {before.number}."],
        {"digest_before": before.digest, "digest": version.digest, "prefix_moved": moved},
    )
