"""The clipped sums agree with a loop over single samples, for every architecture and every way of tuning."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from accel.data.batches import RECORDS
from accel.dp.book import Book
from accel.dp.bookkeeping import automatic, flat, sum_of
from accel.dp.layers import unpatch
from accel.dp.opacus_book import OpacusBook
from accel.errors import RefusedError, RunError
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.ops.adapters import add_lora
from accel.ops.dropout import without_dropout
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


OWNERS = torch.tensor([0, 0, 0, 1, 2, 2])
"""Whose blocks they are: a long document, a short one, one of two blocks."""


def language_model(model_class, tied):
    torch.manual_seed(0)
    model = model_class().network(LanguageModelling()).double().eval()
    if tied:
        model.get_output_embeddings().weight = model.get_input_embeddings().weight
    return model


def blocks():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 200, (len(OWNERS), TOKENS), generator=generator)
    mask = torch.ones_like(ids)
    mask[2, 7:] = mask[3, 4:] = 0
    return {
        "input_ids": ids.masked_fill(mask == 0, 0),
        "attention_mask": mask,
        "labels": ids.masked_fill(mask == 0, -100),
    }


def document_loss(model, rows, owners):
    outputs = model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"])
    return LanguageModelling().loss(outputs, {**rows, RECORDS: owners})["loss"]


def document_by_document(model, clip):
    """(norms, clipped sums by name): autograd itself, a whole document at a time."""
    norms, sums = [], {n: torch.zeros_like(p) for n, p in model.named_parameters()}
    for number in range(3):
        rows = {name: value[number == OWNERS] for name, value in blocks().items()}
        model.zero_grad()
        document_loss(model, rows, torch.zeros(len(rows["labels"]), dtype=torch.long)).backward()
        norms.append(torch.stack([p.grad.pow(2).sum() for p in model.parameters()]).sum().sqrt())
        for name, p in model.named_parameters():
            sums[name] += clip(norms[-1][None])[0] * p.grad
    return torch.stack(norms), sums


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize(
    ("model_class", "tied", "book_of"),
    [
        (TinyGpt2, False, Book),
        (TinyGpt2, True, Book),
        (TinyLlama, False, Book),
        (TinyLlama, True, Book),
        (TinyGpt2, True, OpacusBook),
        (TinyLlama, False, OpacusBook),
    ],
)
def test_a_document_is_clipped_whole_whatever_its_blocks(model_class, tied, book_of):
    """Blocks add up before the norm; a head that is the table of embeddings adds a cross term to it."""
    model = language_model(model_class, tied)
    clip = flat(0.7 * float(document_by_document(model, flat(1.0))[0].median()))
    norms, sums = document_by_document(model, clip)
    twin = without_dropout(copy.deepcopy(model)).train()  # Opacus looks only at what trains
    twin.zero_grad()
    book = book_of(twin)
    book.zero()
    book.batch_size = len(OWNERS)
    (3 * document_loss(twin, blocks(), OWNERS)).backward()
    found = book.flush(clip, torch.ones(3), records=OWNERS)
    tolerance = 1e-5 if model_class is TinyLlama else 1e-10  # its norms and rotations compute in fp32 always
    assert ((found - norms).abs() / norms).max() < tolerance
    scale = max(float(s.norm()) for s in sums.values())
    assert all((sum_of(p) - sums[n]).norm() < tolerance * scale for n, p in twin.named_parameters())


def test_opacus_refuses_a_tied_head_with_padding():
    model = language_model(TinyLlama, tied=True)
    assert model.get_input_embeddings().padding_idx is not None
    with pytest.raises(RefusedError, match="engine=bookkeeping"):
        OpacusBook(model)


def test_without_the_cross_term_the_norms_of_a_tied_head_are_wrong(monkeypatch):
    monkeypatch.setattr("accel.dp.bookkeeping._cross_term", lambda table, head: 0.0)
    with pytest.raises(AssertionError):
        test_a_document_is_clipped_whole_whatever_its_blocks(TinyGpt2, True, Book)


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
