"""What recorded layers note, and that a model is given back without them."""

import copy

import pytest
import torch
import torch.nn.functional as F

from accel.dp import layers
from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.layers import unpatch
from accel.dp.pages import EmbeddingPage
from accel.dp.recording import RecordEmbedding
from accel.dp.sums import sum_of
from accel.errors import RunError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from tests.dp.booked import BATCH, batch_of, booked, make


def test_positions_shared_by_the_batch_would_give_other_norms(monkeypatch):
    """Negative control: without one row of positions per sample, the book refuses rather than being wrong."""
    model = make(TinyBert, "full", torch.float32)
    inputs, labels = batch_of()
    monkeypatch.setattr(
        layers, "BOOKED", tuple((w, k, _plain if k is EmbeddingPage else f) for w, k, f in layers.BOOKED)
    )
    with pytest.raises(RunError, match="rows are not samples"):
        booked(model, inputs, labels, flat(1.0))


def _plain(module, page, book, ids):
    layers._check(module, ids, book)
    return RecordEmbedding.apply(ids, module.weight.detach(), module.padding_idx, page, book.dummy)


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


@pytest.mark.parametrize(("model_class", "tuning"), [(TinyBert, "full"), (TinyT5, "full"), (TinyBert, "lora")])
def test_bf16_products_keep_the_norms_in_fp32(model_class, tuning):
    model = make(model_class, tuning, torch.float32)
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


def test_an_adapters_norms_and_sums_are_those_of_its_factors_one_by_one(monkeypatch):
    """The way of two layers, whose inputs and gradients are kept, beside the one way that keeps their products."""
    inputs, labels = batch_of()
    once, sums = booked(make(TinyBert, "lora", torch.float64), inputs, labels, flat(0.1))
    monkeypatch.setattr(layers, "Adapted", type("Nothing", (), {}))
    twice, others = booked(make(TinyBert, "lora", torch.float64), inputs, labels, flat(0.1))
    assert torch.allclose(once, twice, rtol=1e-12)
    pairs = list(zip(sums.parameters, others.parameters, strict=True))
    assert len(pairs) > 10
    assert all(torch.allclose(sum_of(a), sum_of(b), rtol=1e-10, atol=1e-14) for a, b in pairs)
