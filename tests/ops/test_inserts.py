import copy

import pytest
import torch
from torch import nn

from accel.errors import NoEffectError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.hanging import INSERT
from accel.ops.inserts import InsertBottlenecks, freeze_all_but_inserts, insert_norms
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.ops.structured.structure import find_blocks, remove_units

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3
LABELS = Classification(["a", "b"])


def moved(model_class=TinyBert):
    torch.manual_seed(0)
    model = InsertBottlenecks(reduction=4).apply(model_class().network(LABELS)).eval()
    for name, parameter in model.named_parameters():
        if f"{INSERT}.up.weight" in name:
            nn.init.normal_(parameter, std=0.3)
    return model


def test_a_fresh_bottleneck_changes_nothing_and_stands_behind_every_block():
    plain, model = (TinyT5().network(LABELS).eval() for _ in range(2))
    InsertBottlenecks(reduction=4).apply(model)
    assert torch.equal(plain(input_ids=IDS).logits, model(input_ids=IDS).logits)
    assert set(insert_norms(model).values()) == {0.0}
    assert len(insert_norms(model)) == len(find_blocks(model)) == 10


def test_nothing_of_the_body_but_the_bottlenecks_learns():
    model = freeze_all_but_inserts(moved())
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert all(INSERT in name or name.startswith("classifier") for name in trained)
    assert len(trained) == 4 * 4 + 2


def test_blocks_are_cut_as_without_them():
    model = moved()
    for block in find_blocks(model):
        remove_units(model, block, torch.arange(block.num_units) < block.num_units // 2)
    assert model(input_ids=IDS).logits.isfinite().all()
    assert len(insert_norms(model)) == 4


def test_rounding_keeps_and_rounds_them():
    """Negative control: with the bottlenecks lost on the way the logits would be the plain model's."""
    model = moved()
    without = {name: p for name, p in model.state_dict().items() if INSERT not in name}
    plain = TinyBert().network(LABELS).eval()
    plain.load_state_dict(without)
    rounded = copy.deepcopy(model)
    fake_quantize.prepare(rounded, Int8(Int8Rows()))
    with torch.no_grad():
        trained, expected = rounded(input_ids=IDS).logits, model(input_ids=IDS).logits
        stored = fake_quantize.convert(rounded)(input_ids=IDS).logits
        assert (trained - expected).abs().max() < 0.1 * (plain(input_ids=IDS).logits - expected).abs().max()
        assert (stored - trained).abs().max() < 1e-4


def test_a_model_without_blocks_is_told():
    model = nn.Sequential()
    model.config = type("Config", (), {"model_type": "unheard of"})()
    with pytest.raises(NoEffectError, match="no block"):
        InsertBottlenecks(reduction=4).change(model)


@pytest.mark.parametrize(("reduction", "size"), [(4, 16), (16, 4), (1000, 1)])
def test_a_bottleneck_is_as_many_times_narrower_as_asked(reduction, size):
    model = InsertBottlenecks(reduction=reduction).apply(TinyBert().network(LABELS))
    shapes = [tuple(p.shape) for name, p in model.named_parameters() if f"{INSERT}.down.weight" in name]
    assert shapes == [(size, 64)] * 4
