"""The cross-entropy of the two choices that a network makes in each window: an answer's first token and its last."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from accel.data.windows import NO_ANSWER
from accel.ops.distill.losses import full


def choices(labels: Tensor, num_tokens: int) -> Tensor:
    """bool [rows, tokens]: the context, and the token that stands for no answer."""
    places = torch.arange(num_tokens, device=labels.device)
    inside = (places >= labels[:, 1:2]) & (places < labels[:, 2:3])
    inside[:, NO_ANSWER] = True
    return inside


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """[rows]: the mean cross-entropy of the two choices."""
    possible = choices(labels, logits.shape[1])
    found = full(logits).masked_fill(~possible[..., None], -torch.inf)
    return F.cross_entropy(found, labels[:, 3:], reduction="none").mean(1)
