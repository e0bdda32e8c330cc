import copy

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.structured.cost_model import in_parameters
from accel.ops.structured.structure import find_blocks, output_weight
from accel.ops.structured.unit_masks import (
    apply_masks,
    attach,
    figures,
    keep_of,
    price,
    remove_masked,
    scores_of,
    update_masks,
)
from accel.ops.structured.unit_scores import FirstOrderScorer

IDS = torch.randint(5, 200, (4, 16), generator=torch.Generator().manual_seed(0))


def masked_model(fraction=0.5):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    attach(model)
    blocks = find_blocks(model)
    model(input_ids=IDS).logits.square().sum().backward()
    FirstOrderScorer().on_gradients(model, blocks, scores_of(model, blocks))
    price(model, in_parameters(model, blocks))
    update_masks(model, blocks, in_parameters(model, blocks), fraction, 32, final=True)
    apply_masks(model, blocks)
    return model, blocks


def test_removes_about_the_fraction_and_computes_the_same():
    model, _ = masked_model()
    found = figures(model)
    assert 0.5 <= found["removed_fraction"] < 0.6
    assert found["cost"] == pytest.approx(1 - found["removed_fraction"])
    assert all(count % 32 == 0 for name, count in found["units_per_block"].items() if name.endswith("channels"))
    removed = remove_masked(copy.deepcopy(model))
    assert not [n for n, _ in removed.named_buffers() if "accel" in n]
    with torch.no_grad():
        assert (model(input_ids=IDS).logits - removed(input_ids=IDS).logits).abs().max() < 1e-5


def test_a_mask_that_was_not_held_is_noticed():
    model, blocks = masked_model()
    with torch.no_grad():
        for block in blocks:
            output_weight(model, block).add_(0.1)
    with pytest.raises(RuntimeError, match="masked weights are not zero"):
        figures(model)


def test_attach_keeps_what_is_there():
    model, blocks = masked_model()
    before = keep_of(model, blocks[0]).clone()
    attach(model)
    assert torch.equal(keep_of(model, blocks[0]), before)


def test_masks_are_part_of_the_state():
    model, blocks = masked_model()
    fresh = TinyBert(weights_seed=3).network(Classification(["a", "b"]))
    attach(fresh)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(keep_of(fresh, blocks[1]), keep_of(model, blocks[1]))
