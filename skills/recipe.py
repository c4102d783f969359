"""How a prompt is tuned: a few numbers, chosen by the size of the data (docs/decisions/0003 and 0008)."""

import math
from dataclasses import dataclass, replace

ROW_VISITS = 64_000
"""Examples seen in a whole run, whatever the data's size: two to three minutes on two cores in bfloat16."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters of one run. `prompt_tokens` is P; 0 tunes the head alone."""

    epochs: int
    prompt_tokens: int = 8
    unprompted: float = 1 / 3
    """Share of the layers, from below, that no prompt reaches: skills that read the same text share them
    (docs/decisions/0022)."""
    prefix_rate: float = 3e-2
    head_rate: float = 3e-3
    batch: int = 32
    warmup: float = 0.1
    clip: float = 1.0
    averaged: float = 0.5
    """Share of the steps, counted from the end, whose weights are averaged into the result: as accurate, and
    a new seed changes fewer answers (Izmailov et al. 2018, stochastic weight averaging)."""
    word_dropout: float = 0.15
    """Chance that a token of a text is left out whenever a step reads it. It keeps a prompt from learning few
    texts by heart, and texts with slips are read better (docs/decisions/0008)."""
    mistyped: float = 0.3
    addressed: float = 0.15
    """Chances that a step reads a text with slips of the hand, and with a greeting or a courtesy."""
    joined: float = 0.3
    """Chance that a step reads a text together with another one, where labels hold or not on their own: what
    holds for either holds for both. So a short request is noticed in a long message."""
    label_names: int = 2
    """How often a label's own name counts as an example of it."""
    folds: int = 3
    """Cross-fitting: parts that take turns at being held out."""
    held_parts: int = 3
    """How many of the parts really take their turn (1: a plain cut)."""
    held_epochs: float = 0.7
    """Share of the epochs for the fits without a part, which only calibrate: as accurate, and an eighth less time
    (docs/decisions/0021)."""

    def first_layer(self, layers: int) -> int:
        """Return the lowest of this many layers that a prompt reaches, counted from zero."""
        return int(layers * self.unprompted)

    def without_a_part(self) -> "Recipe":
        """Return the recipe of the fits whose scores of the part held out calibrate the last one."""
        return replace(self, epochs=math.ceil(self.epochs * self.held_epochs))

    @classmethod
    def for_rows(cls, count: int, prompt_tokens: int = 8) -> "Recipe":
        """Return the default recipe for this many training rows."""
        epochs = min(10, max(2, round(ROW_VISITS / max(count, 1))))
        if count >= 2000:
            return cls(epochs, prompt_tokens, folds=7, held_parts=1)
        if count >= 800:
            return cls(epochs, prompt_tokens, folds=4, held_parts=1)
        return cls(epochs, prompt_tokens)
