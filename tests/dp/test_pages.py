"""The clipped sums agree with a loop over single samples, for every architecture and every way of tuning."""

import copy

import pytest
import torch
from torch import nn

from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.sums import sum_of
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from tests.dp.booked import BATCH, batch_of, booked, make, one_by_one


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("how", ["full", "head", "lora", "bitfit"])
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama, Minilm])
def test_agrees_with_a_loop_over_single_samples(model_class, how, dtype):
    model = make(model_class, how, dtype)
    if not any(p.requires_grad for p in model.parameters()):
        pytest.skip("this model has no biases")
    inputs, labels = batch_of()
    clip = flat(0.5 * float(one_by_one(model, inputs, labels, flat(1.0))[0].median()))
    norms, sums = one_by_one(model, inputs, labels, clip)
    twin = copy.deepcopy(model)
    twin.zero_grad()
    found, _ = booked(twin, inputs, labels, clip)
    in_fp32 = dtype is torch.float32 or model_class is TinyLlama  # its norms and rotations compute in fp32 always
    tolerance = 1e-5 if in_fp32 else 1e-10
    assert ((found - norms).abs() / norms).max() < tolerance
    scale = max(float(s.norm()) for s in sums.values())
    for name, p in twin.named_parameters():
        if p.requires_grad:
            assert (sum_of(p) - sums[name]).norm() < tolerance * scale, name


def test_rounding_in_the_loop_agrees_too():
    model = make(TinyBert, "qat", torch.float64)
    inputs, labels = batch_of()
    norms, sums = one_by_one(model, inputs, labels, flat(1.0))
    twin = copy.deepcopy(model)
    twin.zero_grad()
    found, _ = booked(twin, inputs, labels, flat(1.0))
    assert torch.allclose(found, norms, rtol=1e-5)
    assert all(
        torch.allclose(sum_of(p), sums[n], rtol=1e-4, atol=1e-7) for n, p in twin.named_parameters() if p.requires_grad
    )


@pytest.mark.parametrize("tokens", [1, 4, 40])
def test_every_way_to_a_norm_gives_the_same(tokens):
    """Outer product, Gram matrices and instantiation, chosen by the shape."""
    torch.manual_seed(0)
    layer, x = nn.Linear(24, 16).double(), torch.randn(BATCH, tokens, 24).double()
    expected = []
    for row in x:
        layer.zero_grad()
        layer(row).pow(2).sum().backward()
        expected.append(torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm())
    layer.zero_grad()
    book = Book(layer)
    book.zero()
    book.batch_size = BATCH
    layer(x).pow(2).sum().backward()
    assert torch.allclose(book.flush(flat(1.0), torch.ones(BATCH)), torch.stack(expected))


def test_a_layer_used_twice_adds_up_before_the_norm():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x):
            return self.layer(self.layer(x))

    torch.manual_seed(0)
    model, x = Twice(), torch.randn(BATCH, 3, 6)
    expected = []
    for row in x:
        model.zero_grad()
        model(row).pow(2).sum().backward()
        expected.append(torch.cat([p.grad.flatten() for p in model.parameters()]).norm())
    model.zero_grad()
    book = Book(model)
    book.zero()
    book.batch_size = BATCH
    model(x).pow(2).sum().backward()
    assert torch.allclose(book.flush(flat(1.0), torch.ones(BATCH)), torch.stack(expected), rtol=1e-5)
