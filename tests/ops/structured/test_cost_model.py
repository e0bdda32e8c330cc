import copy

import pytest
import torch
from safetensors.torch import save

from accel.core.facts import Facts, LatencyTable
from accel.core.family import CHANNELS, HEADS
from accel.errors import PlanError
from accel.export.onnx import random_inputs
from accel.measure.timing import count_flops
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.ops.structured.cost_model import CostModel, in_flops, in_megabytes, in_milliseconds, in_parameters
from accel.ops.structured.structure import count_units, find_blocks, remove_units
from accel.ops.vocabulary import keep_marked, mark

MODELS = {"bert": TinyBert, "gpt2": TinyGpt2, "t5": TinyT5, "llama": TinyLlama}
FACTS = Facts(total_steps=1, num_examples=1, objective=Classification(["a", "b"]), world_size=1, seed=0, baseline=None)


def model_of(name, *, rounded=False):
    model = MODELS[name]().network(Classification(["a", "b"])).eval()
    if name == "gpt2":
        from accel.ops.conv1d import linearize

        model = linearize(model)
    if rounded:
        fake_quantize.prepare(model, Int8(Int8Rows()))
    return model


def smaller(model):
    """Another number of units in each block."""
    model = copy.deepcopy(model)
    for n, block in enumerate(find_blocks(model)):
        remove_units(model, block, torch.arange(block.num_units) < max(1, block.num_units // (2 + n)))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_flops_are_what_is_counted_after_the_removal(name):
    model = model_of(name)
    prices = in_flops(model, find_blocks(model), FACTS)
    one = random_inputs(model, 1, 128)
    less = smaller(model)
    assert prices.of(count_units(model)) == pytest.approx(1)
    assert prices.of(count_units(less)) == pytest.approx(count_flops(less, one) / count_flops(model, one), rel=1e-9)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_megabytes_are_those_of_the_file(name, rounded):
    model = model_of(name, rounded=rounded)
    mark(model, range(0, 261, 2))
    prices = in_megabytes(model, find_blocks(model), FACTS)
    model = fake_quantize.convert(keep_marked(model)) if rounded else keep_marked(model)
    state = {}
    for key, value in model.state_dict().items():
        if value.data_ptr() not in {v.data_ptr() for v in state.values()}:
            state[key] = value
    file = len(save(state))
    header = file - sum(v.numel() * v.element_size() for v in state.values())
    assert prices.of(count_units(model)) * 1e6 == pytest.approx(file - header, abs=0.5)


def test_megabytes_are_those_of_a_smaller_file_too():
    model = model_of("bert", rounded=True)
    prices = in_megabytes(model, find_blocks(model), FACTS)
    less = fake_quantize.convert(smaller(model))
    held = sum(v.numel() * v.element_size() for v in less.state_dict().values())
    assert prices.of(count_units(less)) * 1e6 == pytest.approx(held, abs=0.5)


def test_sparsity_is_the_share_of_removable_parameters():
    model = model_of("bert")
    prices = in_parameters(model, find_blocks(model))
    assert prices.of(count_units(model)) == pytest.approx(1)
    assert 0.2 < prices.of(count_units(smaller(model))) < 0.5


def test_milliseconds_are_those_of_the_table():
    from dataclasses import replace

    model = model_of("bert")
    table = LatencyTable("eager float32", 1, 1.0, 0.5, {HEADS: 0.25, CHANNELS: 0.001}, [])
    prices = in_milliseconds(model, find_blocks(model), replace(FACTS, latency=table))
    assert prices.of(count_units(model)) == pytest.approx(1 + 2 * 0.5 + 8 * 0.25 + 512 * 0.001)


def blocks_and_prices():
    model = model_of("bert")
    blocks = find_blocks(model)
    return blocks, CostModel("flops", 0.2, {b.name: 0.05 if b.kind == HEADS else 0.4 / 512 for b in blocks})


def test_a_budget_becomes_a_share_of_the_units():
    blocks, prices = blocks_and_prices()
    assert prices.share_to_remove(blocks, 0.6, 32, "key") == pytest.approx(0.5)


def test_a_budget_that_is_met_already_is_told():
    blocks, prices = blocks_and_prices()
    with pytest.raises(PlanError, match=r"key=1\.5: the dense model needs 1 and is within the budget"):
        prices.share_to_remove(blocks, 1.5, 32, "key")


def test_a_budget_that_nothing_meets_is_told_with_the_least_there_is():
    blocks, prices = blocks_and_prices()
    with pytest.raises(PlanError, match=r"key=0\.3 cannot be met: .* still needs 0\.35 of 1"):
        prices.share_to_remove(blocks, 0.3, 32, "key")
