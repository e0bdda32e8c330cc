import pytest
import torch
from torch import nn

from accel.dp.book import Book
from accel.errors import RefusedError


def test_a_parameter_without_per_sample_gradient_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

    with pytest.raises(RefusedError, match="scale"):
        Book(Odd())


def test_a_weight_shared_by_layers_of_unlike_kinds_is_refused():
    model = nn.ModuleDict({"norm": nn.LayerNorm(4), "embedding": nn.Embedding(1, 4)})
    model["embedding"].weight = model["norm"].weight
    with pytest.raises(RefusedError, match="shared"):
        Book(model)


def test_layers_that_share_a_weight_share_a_page_and_a_frozen_one_has_none():
    model = nn.ModuleDict({"table": nn.Embedding(6, 4), "head": nn.Linear(4, 6, bias=False), "frozen": nn.Linear(4, 4)})
    model["head"].weight = model["table"].weight
    model["frozen"].requires_grad_(False)
    book = Book(model)
    assert [id(p) for p in book.parameters] == [id(model["table"].weight)]
    assert len(book.pages) == 1
