"""From scores to verdicts: the calibrated answer of a prompt to texts it is shown."""

from collections.abc import Sequence

import numpy as np
import torch

from skills.backbone import Row
from skills.batching import Reader
from skills.budget import keep_budget
from skills.calibration import ExclusiveCalibration, Floats, LabelCalibration, log_softmax, top_odds
from skills.index import Index
from skills.prompt import SoftPrompt
from skills.skill import Axis, Verdict

RUNNERS_UP = 3


def verdicts_of(
    prompt: SoftPrompt, prompted: torch.Tensor, bare: torch.Tensor, index: Index | None
) -> list[list[Verdict]]:
    """Return one list of verdicts per row of states `[N, H]` (read under the prompt, and bare).

    `index` is the live index of a retrieval prompt, already extended by `SoftPrompt.indexed`.
    """
    scores, bare_scores = (part.double().numpy() for part in prompt.scores(prompted, bare, index))
    found: list[list[Verdict]] = [[] for _ in range(len(scores))]
    start = 0
    for axis in prompt.axes:
        labels = index.labels if index is not None else axis.labels
        columns = slice(start, start + len(labels))
        start = columns.stop
        read = _read_exclusive if axis.exclusive else _read_labels
        for row, verdicts in enumerate(read(prompt, axis, labels, scores[:, columns], bare_scores[:, columns])):
            found[row] += verdicts
    return found


def read_texts(
    reader: Reader, prompt: SoftPrompt, rows: Sequence[tuple[int, ...]], index: Index | None = None
) -> list[list[Verdict]]:
    """Read token rows under a prompt (and bare, for its second opinion); for scoring whole sets."""
    prompted = reader.forward([Row(tokens, prompt.prefix, prompt.positions) for tokens in rows])
    bare = reader.forward([Row(tokens) for tokens in rows])
    return verdicts_of(prompt, prompted, bare, prompt.indexed(index) if index is not None else None)


def _read_exclusive(
    prompt: SoftPrompt, axis: Axis, labels: Sequence[str], scores: Floats, bare: Floats
) -> list[list[Verdict]]:
    lines = prompt.calibration[axis.name]
    assert isinstance(lines, ExclusiveCalibration)
    if not labels:  # a desk without articles
        return [[] for _ in scores]
    fused = lines.fused(scores, bare)
    confidence, accepted = exclusive_confidence(axis, lines, scores, bare)
    order = np.argsort(-fused, axis=1)[:, : RUNNERS_UP + 1]
    shares = np.exp(log_softmax(fused))
    return [
        [
            Verdict(
                prompt.skill,
                axis.name,
                labels[best[0]],
                float(confidence[row]),
                bool(accepted[row]),
                tuple((labels[other], float(shares[row, other])) for other in best[1:]),
            )
        ]
        for row, best in enumerate(order)
    ]


def exclusive_confidence(
    axis: Axis, lines: ExclusiveCalibration, scores: Floats, bare: Floats
) -> tuple[Floats, np.ndarray]:
    """Return the probability that the best label is right, and whether it is accepted, both `[N]`."""
    odds, top = top_odds(lines.fused(scores, bare))
    confidence = lines.trust(odds, top)
    if axis.rejects == "never":
        return confidence, np.ones(len(scores), dtype=bool)
    return confidence, acceptance_score(axis, lines, scores, bare) >= lines.threshold


def answer_floor(prompt: SoftPrompt, budget: float) -> float:
    """Return the confidence at which a prompt's answers keep an error budget; 0 if it gives none of its own.

    Axes that never reject (a ticket's topic) are suggestions to people, not answers.
    """
    lines = (prompt.calibration[axis.name] for axis in prompt.axes if axis.exclusive and axis.rejects != "never")
    found = [keep_budget(line.risk, budget).threshold for line in lines if isinstance(line, ExclusiveCalibration)]
    return max(found, default=0.0)


def acceptance_score(axis: Axis, lines: ExclusiveCalibration, scores: Floats, bare: Floats) -> Floats:
    """Return what the acceptance threshold is laid on, `[N]`: high for texts the axis can answer."""
    if axis.rejects == "likely_wrong":
        return lines.trust(*top_odds(lines.fused(scores, bare)))
    return lines.scope(scores.max(1), bare.max(1))


def _read_labels(
    prompt: SoftPrompt, axis: Axis, labels: Sequence[str], scores: Floats, bare: Floats
) -> list[list[Verdict]]:
    found: list[list[Verdict]] = [[] for _ in scores]
    for column, label in enumerate(labels):
        lines = prompt.calibration[label]
        assert isinstance(lines, LabelCalibration)
        for row, share in enumerate(lines.platt(scores[:, column], bare[:, column])):
            found[row].append(Verdict(prompt.skill, axis.name, label, float(share), bool(share >= lines.threshold)))
    return found
