"""Whole documents are clipped, whether or not the head is the table of embeddings."""

import copy

import pytest
import torch

from accel.data.tokenized import RECORDS
from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.opacus_book import OpacusBook
from accel.dp.sums import sum_of
from accel.errors import RefusedError
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.objective.language_modeling import LanguageModelling
from accel.ops.dropout import without_dropout
from tests.dp.booked import TOKENS

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
    monkeypatch.setattr("accel.dp.tied_page._cross_term", lambda table, head: 0.0)
    with pytest.raises(AssertionError):
        test_a_document_is_clipped_whole_whatever_its_blocks(TinyGpt2, True, Book)
