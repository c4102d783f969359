"""A SoftPrompt: the immutable result of tuning one skill, bound to one backbone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from skills.backbone import Positions
from skills.calibration import Calibration
from skills.heads import label_scores, retrieval_scores
from skills.index import Index
from skills.skill import Axis


@dataclass(frozen=True, slots=True)
class SoftPrompt:
    """Prefix `[U, 2, P, D]` of the uppermost U layers, head tensors, labels and calibration of one skill.

    `axes` are the labels it was tuned for (a retrieval prompt's axis lists the articles of its training
    rows; the live index decides which exist). `bank_labels` names the article of each row of the head's
    `bank.vectors` `[M, H]`: the training queries of a retrieval skill. `scorecard` and `lineage` are
    plain JSON, for people and for the record.
    """

    skill: str
    kind: str
    instruction: str
    fingerprint: str
    axes: tuple[Axis, ...]
    prefix: Tensor
    head: Mapping[str, Tensor]
    calibration: Calibration
    positions: Positions = "from_zero"
    bank_labels: tuple[str, ...] = ()
    scorecard: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """P: how many prompt tokens."""
        return self.prefix.shape[2]

    @property
    def retrieves(self) -> bool:
        """Whether its labels are looked up in an index instead of learnt."""
        return "query.down" in self.head

    def scores(self, prompted: Tensor, bare: Tensor, index: Index | None = None) -> tuple[Tensor, Tensor]:
        """Return both opinions `[N, C]` of states `[N, H]` read under this prompt and bare."""
        if not self.retrieves:
            return label_scores(self.head, prompted, bare)
        assert index is not None, "a retrieval prompt is read against an index"
        return retrieval_scores(self.head, index, prompted, bare)

    def indexed(self, index: Index) -> Index:
        """Return the desk's index extended by this prompt's own training queries."""
        return index.extended(self.head["bank.vectors"], self.bank_labels) if self.retrieves else index


def to_peft(prefix: Tensor) -> Tensor:
    """`[U, 2, P, D]` to PEFT's `[P, U * 2 * D]`."""
    return prefix.permute(2, 0, 1, 3).reshape(prefix.shape[2], -1)


def from_peft(flat: Tensor, layers: int) -> Tensor:
    """PEFT's `[P, U * 2 * D]` to `[U, 2, P, D]`."""
    return flat.view(len(flat), layers, 2, -1).permute(1, 2, 0, 3).contiguous()
