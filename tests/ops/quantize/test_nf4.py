import pytest
import torch
from torch import nn

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.adapters import add_lora
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.nf4 import Nf4Linear, narrow, narrowed, widen
from accel.ops.quantize.schemes import Int8


def model():
    torch.manual_seed(0)
    return add_lora(TinyBert().network(Classification(["a", "b"])), rank=4, alpha=8, dropout=0)


@pytest.mark.parametrize(("outputs", "inputs", "bits"), [(256, 64, 4.2), (64, 64, 4.8), (16, 12, 8.0)])
def test_it_computes_with_the_weight_that_it_stands_for(outputs, inputs, bits):
    torch.manual_seed(0)
    linear = nn.Linear(inputs, outputs)
    layer, x = Nf4Linear(linear), torch.randn(2, 3, inputs, requires_grad=True)
    weight = layer.dense()
    found = layer(x)
    torch.testing.assert_close(found, nn.functional.linear(x, weight, linear.bias))
    (gradient,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(gradient, weight.sum(0).expand_as(x))
    assert sum(buffer.nbytes for buffer in layer.buffers()) * 8 / linear.weight.numel() < bits
    assert layer.error == pytest.approx(float((weight - linear.weight.detach()).norm() / linear.weight.detach().norm()))
    assert layer.error < 0.12  # a normal distribution's


def test_each_weight_goes_to_a_value_of_the_paper_times_its_blocks_scale():
    linear = nn.Linear(64, 64)
    grid = torch.tensor([-1, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0, 0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.723, 1])  # fmt: skip
    with torch.no_grad():
        linear.weight.copy_(grid.repeat(256).view(64, 64))
    torch.testing.assert_close(Nf4Linear(linear).dense(), linear.weight.detach(), atol=0.01, rtol=0)


def test_buffers_are_the_weight():
    """Whatever loads them, a checkpoint for example, has loaded the weight."""
    first, second = (Nf4Linear(nn.Linear(64, 64)) for _ in range(2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.dense(), second.dense())
    assert all(buffer.dtype in (torch.uint8, torch.int8, torch.float32) for buffer in first.buffers())


def test_frozen_layers_beside_adapters_are_narrowed_and_nothing_else():
    adapted = narrow(narrow(model()))
    layers = [m for m in adapted.modules() if isinstance(m, Nf4Linear)]
    assert narrowed(adapted).layers == len(layers) == 13
    assert isinstance(adapted.classifier, nn.Linear)
    assert all(
        isinstance(m, nn.Linear)
        for name, m in adapted.named_modules()
        if name.endswith(("lora_A.accel", "lora_B.accel"))
    )
    assert narrowed(model()) is None


def test_a_layer_that_falls_into_no_blocks_stays():
    odd = nn.ModuleDict({"base_layer": nn.Linear(7, 3)})
    assert narrowed(narrow(nn.Sequential(odd))) is None
    assert type(odd["base_layer"]) is nn.Linear


@pytest.mark.parametrize("rounds", [False, True])
def test_widened_layers_are_plain_and_rounded_where_the_rest_is(rounds):
    adapted = narrow(model()).eval()
    ids = torch.full((2, 9), 7)
    expected = adapted(input_ids=ids).logits
    if rounds:
        assert fake_quantize.prepare(adapted, Int8(Int8Rows())) > 13
        fake_quantize.enable(adapted, enabled=False)
    widen(adapted)
    kinds = {type(m.base_layer) for m in adapted.modules() if hasattr(m, "lora_A")}
    assert kinds == {fake_quantize.RoundedLinear if rounds else nn.Linear}
    torch.testing.assert_close(adapted(input_ids=ids).logits, expected, atol=1e-5, rtol=1e-5)
