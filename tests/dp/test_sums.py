"""What counts in the sums of a batch, and what does not."""

import copy

import torch
import torch.nn.functional as F

from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.sums import sum_of
from accel.model.tiny_bert import TinyBert
from tests.dp.booked import BATCH, batch_of, booked, make


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
