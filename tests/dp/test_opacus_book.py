"""Other people's per-sample gradients give the same sums."""

import copy

import pytest
import torch
import torch.nn.functional as F

from accel.dp.book import Book
from accel.dp.clipping import flat
from accel.dp.layers import unpatch
from accel.dp.opacus_book import HOOKS, OpacusBook, detach
from accel.dp.sums import sum_of
from accel.model.minilm import Minilm
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification
from accel.ops.adapters import add_lora
from accel.ops.dropout import without_dropout
from accel.ops.trainable import freeze_all_but_biases

BATCH = 5
TUNINGS = {
    "full": lambda model: model,
    "lora": lambda model: add_lora(model, rank=4, alpha=8.0, dropout=0.0),
    "bitfit": freeze_all_but_biases,
}


def batch():
    ids = torch.randint(5, 200, (BATCH, 12), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(12) < torch.tensor([12, 9, 7, 12, 4])[:, None]).long()
    mask[1, 9:11] = 1  # padding tokens that are attended
    return {"input_ids": ids * (torch.arange(12) < 9), "attention_mask": mask}, torch.tensor([0, 1, 1, 0, 1])


pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


def sums(model, kind, clip, real):
    inputs, labels = batch()
    book = kind(model)
    book.zero()
    book.batch_size = BATCH
    F.cross_entropy(model(**inputs).logits, labels, reduction="sum").backward()
    norms = book.flush(clip, real)
    return norms, {n: sum_of(p).clone() for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("how", ["full", "lora", "bitfit"])
@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, Minilm])
def test_opacus_agrees_with_our_book(model_class, how):
    torch.manual_seed(0)
    model = without_dropout(TUNINGS[how](model_class().network(Classification(["a", "b"]))).double().train())
    real = torch.tensor([1.0, 1, 0, 1, 1])
    ours, our_sums = sums(copy.deepcopy(model), Book, flat(1.0), real)
    theirs, their_sums = sums(model, OpacusBook, flat(1.0), real)
    assert torch.allclose(ours, theirs, rtol=1e-8)
    for name, total in our_sums.items():
        assert torch.allclose(total, their_sums[name], rtol=1e-7, atol=1e-10), name


def test_the_hooks_come_off_again():
    model = TinyBert().network(Classification(["a", "b"])).train()
    sums(model, OpacusBook, flat(1.0), torch.ones(BATCH))
    detach(model)
    unpatch(model)
    assert HOOKS not in model.__dict__
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not any(hasattr(p, "grad_sample") for p in model.parameters())
