"""The rival of a prompt: full fine-tuning of the same backbone, mean pooling, a linear head, plain transformers."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoModel, PreTrainedModel
from transformers.utils import logging as transformers_logging

from skills.backbone import Backbone
from skills.padding import pad, pool
from skills.training import batches

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FullRecipe:
    """Rates and length of a run: of three pairs the one that got furthest; two were cut short (docs/decisions/0021)."""

    epochs: int = 8
    rate: float = 3e-4
    head_rate: float = 3e-3
    batch: int = 32
    warmup: float = 0.1
    decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Epoch:
    """How far a run is: seconds of training (and of all cores) since it began, evaluation left out."""

    number: int
    seconds: float
    cores: float
    accuracy: float


class FullTuning:
    """Every weight of the backbone and a head `[C, H]`; loaded when made, trained by `epochs`."""

    def __init__(self, backbone: Backbone, labels: int, seed: int) -> None:
        transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.manual_seed(seed)
        loaded = AutoModel.from_pretrained(backbone.path, dtype=backbone.dtype, add_pooling_layer=False)
        self._encoder, self._seed = cast("PreTrainedModel", loaded), seed
        self._head = nn.Linear(backbone.dimensions.hidden, labels)

    def epochs(
        self,
        train: tuple[Sequence[Tokens], Sequence[int]],
        held_out: tuple[Sequence[Tokens], Sequence[int]],
        recipe: FullRecipe,
    ) -> Iterator[Epoch]:
        """Train and say after each epoch how many held-out texts are told right."""
        rows, targets = train[0], torch.tensor(train[1])
        optimizer = torch.optim.AdamW(self._groups(recipe), weight_decay=recipe.decay, fused=True)
        total = recipe.epochs * -(-len(rows) // recipe.batch)
        warm = max(1, int(total * recipe.warmup))
        schedule = LambdaLR(optimizer, lambda n: min((n + 1) / warm, max(0.0, (total - n) / max(1, total - warm))))
        chooser, seconds, cores = random.Random(self._seed), 0.0, 0.0
        for number in range(1, recipe.epochs + 1):
            start, worked = time.perf_counter(), time.process_time()
            self._encoder.train()
            for batch in batches(rows, recipe.batch, chooser):
                loss = cross_entropy(self._scores([rows[i] for i in batch]), targets[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
                optimizer.step()
                schedule.step()
            seconds, cores = seconds + time.perf_counter() - start, cores + time.process_time() - worked
            yield Epoch(number, seconds, cores, self.accuracy(*held_out))

    @torch.no_grad()
    def accuracy(self, rows: Sequence[Tokens], targets: Sequence[int]) -> float:
        """Return the share of texts whose greatest score is their label's."""
        self._encoder.eval()
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        parts = [order[i : i + 64] for i in range(0, len(order), 64)]
        said = torch.cat([self._scores([rows[i] for i in part]).argmax(1) for part in parts])
        return float((said == torch.tensor(targets)[order]).float().mean())

    def stored(self, dtype: torch.dtype) -> int:
        """Return the bytes of every weight as safetensors in a number format."""
        weights = {**self._encoder.state_dict(), **{f"head.{n}": t for n, t in self._head.state_dict().items()}}
        return len(save({name: tensor.to(dtype).contiguous() for name, tensor in weights.items()}))

    def _groups(self, recipe: FullRecipe) -> list[dict[str, Any]]:
        body = {"params": list(self._encoder.parameters()), "lr": recipe.rate}
        return [body, {"params": list(self._head.parameters()), "lr": recipe.head_rate}]

    def _scores(self, rows: Sequence[Tokens]) -> Tensor:
        tokens, mask = pad(rows)
        states = self._encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        return self._head(pool(states, mask))
