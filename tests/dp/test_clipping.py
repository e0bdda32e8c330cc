"""The bound holds for every record, however gradients are clipped."""

import copy

import pytest
import torch
import torch.nn.functional as F

from accel.dp.book import Book
from accel.dp.clipping import automatic, flat
from accel.dp.sums import sum_of
from accel.model.tiny_bert import TinyBert
from tests.dp.booked import BATCH, batch_of, booked, make


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
