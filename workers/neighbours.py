"""Whether a prompt changes what others read in the same batch: the rows of a mixed forward are nobody's business."""

import torch
from torch import Tensor

from skills.backbone import Backbone
from skills.prompt import SoftPrompt
from workers.isolation import Observation, answers_of, row_under

TOLERANCE = {torch.float32: 5e-6, torch.bfloat16: 0.06}
"""Largest difference of a state's element (around 1) between batches of different shapes, which decide the order
that sums are rounded in. What the mixed forward is held to against PEFT and, in bfloat16, against rows alone."""


def read_apart(seen: Observation) -> Tensor:
    """Return what was observed, each prompt in batches of its own: `[N, 1 + S, H]`, bare and under S prompts."""
    return torch.stack([seen.bare, *(answers.states for answers in answers_of(seen))], dim=1)


def read_among(backbone: Backbone, seen: Observation, prompt: SoftPrompt) -> Tensor:
    """Read the same rows as turns do, in mixed batches, with a row of `prompt` for each message: `[N, 1 + S, H]`."""
    others = [answers.prompt for answers in answers_of(seen)]
    carried = [prompt, None, *others]
    rows = [row_under(carry, tokens) for tokens in seen.tokens for carry in carried]
    return backbone.forward(rows).view(len(seen.tokens), len(carried), -1)[:, 1:]
