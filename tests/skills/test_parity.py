"""Our serving forward against transformers and PEFT, the reference for both."""

import warnings
from pathlib import Path

import pytest
import torch
from peft import PeftModel, PrefixTuningConfig, TaskType, get_peft_model
from torch import Tensor
from transformers import AutoModel, PreTrainedModel

from skills.backbone import Backbone, Row
from skills.checkpoint import load_peft_prefix
from skills.errors import PromptRefused
from skills.loading import load_backbone
from skills.padding import pad, pool
from skills.peft_prefix import PeftPrefix, load_for_training
from skills.prompt import from_peft

TOLERANCE = 5e-6
TEXTS = ["my card still has not come", "no", "why was I charged twice for the same coffee on Tuesday?"]
LENGTHS = (8, 3, 16)


def reference(path: str) -> PreTrainedModel:
    """transformers' own encoder, in float32."""
    return AutoModel.from_pretrained(path, add_pooling_layer=False).eval()


def peft_models(backbone: Backbone) -> list[PeftModel]:
    """One PeftModel per row, each with a random prompt of another length."""
    torch.manual_seed(5)
    found = []
    for length in LENGTHS:
        config = PrefixTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=length)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found.append(get_peft_model(reference(backbone.path), config).eval())
    return found


def prefix_of(model: PeftModel, backbone: Backbone) -> Tensor:
    weight = model.prompt_encoder["default"].embedding.weight.detach()
    return from_peft(weight, backbone.dimensions.layers)


@pytest.mark.parametrize("positions", ["after_prefix", "from_zero"])
def test_each_row_of_a_mixed_batch_equals_its_own_peft_model(exact_backbone: Backbone, positions: str) -> None:
    models = peft_models(exact_backbone)
    tokens = exact_backbone.tokenize(TEXTS)
    rows = [Row(t, prefix_of(m, exact_backbone), positions) for t, m in zip(tokens, models, strict=True)]  # type: ignore[arg-type]
    ours = exact_backbone.forward(rows)
    for row, model, state in zip(tokens, models, ours, strict=True):
        ids, mask = pad([row])
        places = torch.arange(len(row))[None]
        # PEFT adds P to positions it is given; taking P off first makes the text start at zero.
        given = places - model.active_peft_config.num_virtual_tokens if positions == "from_zero" else places
        with torch.no_grad():
            theirs = model(input_ids=ids, attention_mask=mask, position_ids=given).last_hidden_state
        assert (pool(theirs, mask)[0] - state).abs().max() < TOLERANCE


@pytest.mark.parametrize("family", ["tiny_folder", "tiny_roberta_folder"])
def test_bare_rows_equal_transformers_for_every_family(family: str, request: pytest.FixtureRequest) -> None:
    backbone = load_backbone(str(request.getfixturevalue(family)), "float32")
    model = reference(backbone.path)
    first = backbone.dimensions.first_position
    for row, state in zip(tokens := backbone.tokenize(TEXTS), backbone.forward([Row(t) for t in tokens]), strict=True):
        ids, mask = pad([row])
        with torch.no_grad():
            places = torch.arange(len(row))[None] + first
            theirs = model(input_ids=ids, attention_mask=mask, position_ids=places).last_hidden_state
        assert (pool(theirs, mask)[0] - state).abs().max() < TOLERANCE


def test_tuning_reads_what_serving_reads(exact_backbone: Backbone) -> None:
    sizes = exact_backbone.dimensions
    torch.manual_seed(2)
    prefix = torch.randn(sizes.layers, 2, 8, sizes.width)
    tokens = exact_backbone.tokenize(TEXTS)
    trained = PeftPrefix(exact_backbone, load_for_training(exact_backbone), prefix)
    assert torch.equal(trained.tensor(), prefix)
    served = exact_backbone.forward([Row(t, prefix) for t in tokens])
    assert (trained.read(tokens).detach() - served).abs().max() < TOLERANCE


@pytest.mark.parametrize("family", ["tiny_folder", "tiny_roberta_folder"])
def test_a_prompt_of_the_upper_layers_is_read_as_it_was_tuned(family: str, request: pytest.FixtureRequest) -> None:
    backbone = load_backbone(str(request.getfixturevalue(family)), "float32")
    sizes, encoder, tokens = backbone.dimensions, load_for_training(backbone), backbone.tokenize(TEXTS)
    torch.manual_seed(6)
    upper, whole = (torch.randn(layers, 2, 4, sizes.width) for layers in (1, sizes.layers))
    trained = {id(prefix): PeftPrefix(backbone, encoder, prefix).read(tokens).detach() for prefix in (upper, whole)}
    bare = backbone.forward([Row(t) for t in tokens])
    # Each text under both prompts and bare, in one batch: of the same text the lower layer is read once.
    prefixes = (upper, None, whole, upper)
    together = backbone.forward([Row(t, prefix) for t in tokens for prefix in prefixes]).view(len(TEXTS), 4, -1)
    for place, prefix in enumerate(prefixes):
        theirs = bare if prefix is None else trained[id(prefix)]
        assert (together[:, place] - theirs).abs().max() < TOLERANCE
    assert (trained[id(upper)] - bare).abs().max() > 0.01


def test_a_foreign_peft_checkpoint_is_served_as_it_is(exact_backbone: Backbone, tmp_path: Path) -> None:
    model = peft_models(exact_backbone)[0]
    model.save_pretrained(str(tmp_path))
    prefix = load_peft_prefix(tmp_path, exact_backbone)
    assert torch.equal(prefix, prefix_of(model, exact_backbone))


def test_a_foreign_checkpoint_of_another_backbone_is_refused(
    exact_backbone: Backbone, tiny: Backbone, tmp_path: Path
) -> None:
    peft_models(exact_backbone)[0].save_pretrained(str(tmp_path))
    with pytest.raises(PromptRefused, match="promises 6 layers"):
        load_peft_prefix(tmp_path, tiny)
    with pytest.raises(PromptRefused, match="holds no"):
        load_peft_prefix(tmp_path / "nowhere", tiny)
