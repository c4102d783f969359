"""From scores to verdicts: the calibrated answer of a prompt to texts it is shown."""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from skills.backbone import Row
from skills.batching import Reader
from skills.budget import keep_budget
from skills.calibration import ExclusiveCalibration, Floats, LabelCalibration, sigmoid, top_odds
from skills.index import Index
from skills.prompt import SoftPrompt
from skills.search import NO_PASSAGE
from skills.skill import Axis, Verdict

RUNNERS_UP = 3


def verdicts_of(
    prompt: SoftPrompt,
    prompted: torch.Tensor,
    bare: torch.Tensor,
    index: Index | None,
    shown: Collection[str] = (),
) -> list[list[Verdict]]:
    """Return one list of verdicts per row of states `[N, H]` (read under the prompt, and bare).

    `index` is the live index of a retrieval prompt, already extended by `SoftPrompt.indexed`; of it, articles
    that were `shown` are not the answer.
    """
    scores, bare_scores = (part.double().numpy() for part in prompt.scores(prompted, bare, index))
    if index is not None and shown:
        gone = [index.places[label] for label in shown if label in index.places]
        scores[:, gone], bare_scores[:, gone] = NO_PASSAGE, NO_PASSAGE
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
    odds, top = top_odds(fused)
    confidence, share = lines.trust(odds, top), sigmoid(odds)
    accepted = _accepted(axis, lines, confidence, scores, bare)
    return [
        [
            Verdict(
                prompt.skill,
                axis.name,
                labels[best[0]],
                float(confidence[row]),
                bool(accepted[row]),
                tuple((labels[i], float(share[row] * np.exp(fused[row, i] - top[row]))) for i in best[1:]),
            )
        ]
        for row, best in enumerate(_best_first(logits, RUNNERS_UP + 1) for logits in fused)
    ]


def _best_first(logits: Floats, count: int) -> NDArray[np.intp]:
    """Return the places of the highest logits, the best first; of equals the earlier one."""
    if len(logits) > count:
        near = np.flatnonzero(logits >= np.partition(logits, -count)[-count])
    else:
        near = np.arange(len(logits))
    return near[np.argsort(-logits[near], kind="stable")][:count]


def exclusive_confidence(
    axis: Axis, lines: ExclusiveCalibration, scores: Floats, bare: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the probability that the best label is right, and whether it is accepted, both `[N]`."""
    confidence = lines.trust(*top_odds(lines.fused(scores, bare)))
    return confidence, _accepted(axis, lines, confidence, scores, bare)


def _accepted(
    axis: Axis, lines: ExclusiveCalibration, confidence: Floats, scores: Floats, bare: Floats
) -> NDArray[np.bool_]:
    if axis.rejects == "never":
        return np.ones(len(scores), dtype=bool)
    score = confidence if axis.rejects == "likely_wrong" else lines.scope(scores.max(1), bare.max(1))
    return score >= lines.threshold


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
