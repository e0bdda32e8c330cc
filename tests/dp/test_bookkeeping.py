"""The clipped sums agree with a loop over single samples, for every architecture and every way of tuning."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from accel.dp.bookkeeping import Book, automatic, flat, sum_of
from accel.dp.layers import unpatch
from accel.errors import RefusedError, RunError
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.adapters import add_lora
from accel.ops.trainable import freeze_body

BATCH, TOKENS = 5, 12


def tune(model, how):
    if how == "head":
        return freeze_body(model)
    if how == "lora":
        model = add_lora(model, rank=4, alpha=8.0, dropout=0.0)
        for name, p in model.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(p, std=0.1)
    if how == "bitfit":
        for name, p in model.named_parameters():
            p.requires_grad_(name.endswith("bias"))
    if how == "qat":
        from accel.ops.quantize import fake_quantize
        from accel.ops.quantize.grids import Int8Rows
        from accel.ops.quantize.schemes import Int8

        fake_quantize.prepare(model, Int8(Int8Rows()))
    return model


def batch_of(tokens=TOKENS):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 200, (BATCH, tokens), generator=generator)
    mask = torch.ones_like(ids)
    for row in range(BATCH):
        ids[row, tokens - row - 1 :], mask[row, tokens - row - 1 :] = 0, 0
        ids[row, tokens - row - 2] = 3  # T5 reads the end token
    return {"input_ids": ids, "attention_mask": mask}, torch.tensor([0, 1, 1, 0, 1])


def one_by_one(model, inputs, labels, clip):
    """(norms, sum of clipped gradients by name): autograd itself, a sample at a time."""
    norms, sums = [], {n: torch.zeros_like(p) for n, p in model.named_parameters() if p.requires_grad}
    for i in range(BATCH):
        model.zero_grad()
        row = {k: v[i : i + 1] for k, v in inputs.items()}
        F.cross_entropy(model(**row).logits, labels[i : i + 1]).backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        norms.append(torch.stack([g.pow(2).sum() for g in grads.values()]).sum().sqrt())
        for name, g in grads.items():
            sums[name] += clip(norms[-1][None])[0] * g
    return torch.stack(norms), sums


def booked(model, inputs, labels, clip, real=None):
    book = Book(model)
    book.zero()
    book.batch_size = BATCH
    F.cross_entropy(model(**inputs).logits, labels, reduction="sum").backward()
    assert all(p.grad is None for p in book.parameters)
    return book.flush(clip, torch.ones(BATCH) if real is None else real), book


def make(model_class, how, dtype):
    torch.manual_seed(0)
    model = tune(model_class().network(Classification(["a", "b"])), how).to(dtype).eval()
    if model_class is TinyT5:
        for name, p in model.named_parameters():
            if "relative_attention_bias" in name:
                p.requires_grad_(False)
    return model


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


def test_positions_shared_by_the_batch_would_give_other_norms(monkeypatch):
    """Negative control: without one row of positions per sample, the book refuses rather than being wrong."""
    from accel.dp import layers

    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    monkeypatch.setattr(
        layers, "BOOKED", tuple((w, k, _plain if k is layers.EmbeddingPage else f) for w, k, f in layers.BOOKED)
    )
    with pytest.raises(RunError, match="rows are not samples"):
        booked(model, inputs, labels, flat(1.0))


def _plain(module, page, book, ids):
    from accel.dp import layers

    layers._check(module, ids, book)
    return layers.RecordEmbedding.apply(ids, module.weight.detach(), module.padding_idx, page, book.dummy)


def test_rows_that_fill_the_batch_count_nothing():
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    real = torch.tensor([1.0, 0, 1, 0, 0])
    _, book = booked(copy.deepcopy(model), inputs, labels, flat(1e-3), real)
    total = torch.stack([sum_of(p).pow(2).sum() for p in book.parameters]).sum().sqrt()
    assert 0 < total <= 2e-3


def test_a_sample_that_is_not_finite_is_left_out():
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    book = Book(model)
    book.zero()
    book.batch_size = BATCH
    losses = F.cross_entropy(model(**inputs).logits, labels, reduction="none")
    (losses * torch.tensor([1.0, 1.0, float("inf"), 1.0, 1.0])).sum().backward()
    norms = book.flush(flat(1.0), torch.ones(BATCH))
    assert norms.isfinite().tolist() == [True, True, False, True, True]
    assert all(sum_of(p).isfinite().all() for p in book.parameters)
    total = torch.stack([sum_of(p).pow(2).sum() for p in book.parameters]).sum().sqrt()
    assert 0 < total <= 4


@pytest.mark.parametrize("rule", [flat(0.3), automatic(0.3)])
def test_no_sample_weighs_more_than_the_bound(rule):
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    for row in range(BATCH):
        real = F.one_hot(torch.tensor(row), BATCH).float()
        _, book = booked(copy.deepcopy(model), inputs, labels, rule, real)
        total = torch.stack([sum_of(p).pow(2).sum() for p in book.parameters]).sum().sqrt()
        assert 0 < total <= 0.3 * (1 + 1e-5)


def test_per_layer_clipping_holds_the_whole_bound():
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    book = Book(model)
    book.zero()
    book.batch_size = BATCH
    F.cross_entropy(model(**inputs).logits, labels, reduction="sum").backward()
    book.flush(lambda norms: (0.3 / (norms + 1e-6)).clamp(max=1.0), torch.tensor([1.0, 0, 0, 0, 0]), per_layer=True)
    total = torch.stack([sum_of(p).pow(2).sum() for p in book.parameters]).sum().sqrt()
    assert 0 < total <= 0.3 * (1 + 1e-5)


def test_a_parameter_without_per_sample_gradient_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

    with pytest.raises(RefusedError, match="scale"):
        Book(Odd())


def test_a_weight_shared_by_an_embedding_and_a_linear_layer_is_refused():
    model = nn.ModuleDict({"embedding": nn.Embedding(8, 4), "head": nn.Linear(4, 8, bias=False)})
    model["head"].weight = model["embedding"].weight
    with pytest.raises(RefusedError, match="shared"):
        Book(model)


def test_the_model_is_given_back_as_it_was():
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    before = model(**inputs).logits
    booked(model, inputs, labels, flat(1.0))
    unpatch(model)
    assert torch.equal(model(**inputs).logits, before)
    assert not any("forward" in m.__dict__ for m in model.modules())
    F.cross_entropy(model(**inputs).logits, labels).backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if "pooler" not in n)


@pytest.mark.parametrize("model_class", [TinyBert, TinyT5])
def test_bf16_products_keep_the_norms_in_fp32(model_class):
    model = make(model_class, "full", torch.float32)
    inputs, labels = batch_of()
    expected, _ = booked(copy.deepcopy(model), inputs, labels, flat(1.0))
    book = Book(model)
    book.zero()
    book.batch_size = BATCH
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(**inputs).logits.float(), labels, reduction="sum")
        loss.backward()  # inside, as the private step does
    found = book.flush(flat(1.0), torch.ones(BATCH))
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=0.05)
    assert all(sum_of(p).dtype == torch.float32 for p in book.parameters)
