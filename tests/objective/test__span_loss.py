"""The loss of answers beside a loop, and what does not change it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.objective.span_examples import (
    OBJECTIVE,
    collated,
    noise,
    tokenized,
)


def test_the_loss_is_that_of_a_loop_over_examples_and_their_windows():
    data, _ = tokenized()
    batch = collated(data, range(4))
    logits = noise(batch)
    examples = {}
    for row, (number, first, last, start, end) in zip(logits, batch["labels"].tolist(), strict=True):
        allowed = torch.tensor([0, *range(first, last)])
        losses = [
            float(F.cross_entropy(row[allowed, side][None], (allowed == place).nonzero()[0]))
            for side, place in enumerate((start, end))
        ]
        examples.setdefault(number, []).append(sum(losses) / 2)
    expected = np.mean([np.mean(losses) for losses in examples.values()])
    assert len(examples[0]) > 3
    assert float(loss_of(logits, batch)) == pytest.approx(expected, abs=1e-12)
    everything = np.mean([loss for losses in examples.values() for loss in losses])
    assert float(loss_of(logits, batch)) != pytest.approx(everything, abs=1e-3)  # long examples do not count more


def loss_of(logits, batch):
    return OBJECTIVE.loss(SimpleNamespace(logits=logits), batch)["loss"]


def test_the_loss_of_a_batch_is_the_mean_over_its_examples_and_padding_changes_nothing():
    data, _ = tokenized()
    batch = collated(data, range(4))
    logits, alone = noise(batch), []
    for n in range(4):
        mine = batch["labels"][:, 0] == n
        one = collated(data, [n])
        alone.append(float(loss_of(logits[mine][:, : one["input_ids"].shape[1]], one)))
    assert float(loss_of(logits, batch)) == pytest.approx(np.mean(alone))
    logits[:, -1] += 50  # padding, or the mark behind the context
    assert float(loss_of(logits, batch)) == pytest.approx(np.mean(alone))
