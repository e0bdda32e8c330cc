"""A batch, tiny models tuned in every way, and their clipped sums: by autograd a sample at a time, and by the book."""

import torch
import torch.nn.functional as F
from torch import nn

from accel.dp.book import Book
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
