"""How a prompt is tuned: six numbers, chosen by the size of the data (docs/decisions/0003)."""

from dataclasses import dataclass

ROW_VISITS = 32_000
"""Examples seen in a whole run, whatever the data's size: about two minutes on two cores in bfloat16."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters of one run. `prompt_tokens` is P; 0 tunes the head alone."""

    epochs: int
    prompt_tokens: int = 8
    prefix_rate: float = 3e-2
    head_rate: float = 3e-3
    batch: int = 32
    warmup: float = 0.1
    clip: float = 1.0
    averaged: float = 0.5
    """Share of the steps, counted from the end, whose weights are averaged into the result: as accurate, and
    a new seed changes fewer answers (Izmailov et al. 2018, stochastic weight averaging)."""
    folds: int = 3
    """Cross-fitting: parts that take turns at being held out."""
    held_parts: int = 3
    """How many of the parts really take their turn (1: a plain cut)."""

    @classmethod
    def for_rows(cls, count: int, prompt_tokens: int = 8) -> "Recipe":
        """Return the default recipe for this many training rows."""
        epochs = min(10, max(2, round(ROW_VISITS / max(count, 1))))
        if count >= 2000:
            return cls(epochs, prompt_tokens, folds=7, held_parts=1)
        return cls(epochs, prompt_tokens)
