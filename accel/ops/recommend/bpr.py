"""Matrix factorisation that learns what a user takes before what he does not: BPR.

Rendle et al. 2009, BPR: Bayesian personalized ranking from implicit feedback (arXiv 1205.2618). Its settings are those
of RecBole's BPR, so that its documented figures can be met: width 64, Adam with 1e-3, batches of 2,048, one negative
for each pair, no decay, the best of the epochs by the validation split.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.ops.recommend.counted import Recommend, Taken

WIDTH = 64
BATCH = 2048
LEARNING_RATE = 1e-3
MOST_EPOCHS = 300
PATIENCE = 10
"""Epochs without a better validation split after which it ends."""


class Factors(nn.Module):
    """A vector for each user and item; the score is their product."""

    def __init__(self, num_users: int, num_items: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.users = nn.Parameter(_xavier(num_users, width, generator))
        self.items = nn.Parameter(_xavier(num_items, width, generator))

    def loss(self, users: Tensor, taken: Tensor, others: Tensor) -> Tensor:
        """Mean of -log sigmoid of how much higher what was taken scores than something else."""
        found = F.embedding(users, self.users)
        gap = (found * (F.embedding(taken, self.items) - F.embedding(others, self.items))).sum(1)
        return -torch.log(1e-10 + gap.sigmoid()).mean()

    @torch.no_grad()
    def recommend(self, users: Tensor, history: Tensor) -> Tensor:
        """As ``Recommend``."""
        del history
        return (self.users[users] @ self.items.T).double()


def _xavier(rows: int, width: int, generator: torch.Generator) -> Tensor:
    return torch.empty(rows, width).normal_(0, (2 / (rows + width)) ** 0.5, generator=generator)


class Negatives:
    """Draws items that users have not taken, all of them equally likely."""

    def __init__(self, taken: Taken, generator: torch.Generator) -> None:
        self.keys = (taken.users * taken.num_items + taken.items).sort().values
        self.num_items = taken.num_items
        self.generator = generator

    def draw(self, users: Tensor) -> Tensor:
        """An item for each; one who has taken everything gets any item."""
        found = torch.randint(self.num_items, users.shape, generator=self.generator)
        for _ in range(100):
            wrong = self._has(users, found).nonzero()[:, 0]
            if not len(wrong):
                break
            found[wrong] = torch.randint(self.num_items, wrong.shape, generator=self.generator)
        return found

    def _has(self, users: Tensor, items: Tensor) -> Tensor:
        keys = users * self.num_items + items
        place = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return self.keys[place] == keys


def bpr(
    taken: Taken, quality: Callable[[Recommend], float], *, seed: int = 0, most_epochs: int = MOST_EPOCHS
) -> Recommend:
    """Learn from who took what.

    Args:
        quality: of the validation split, the higher the better; asked after each epoch, and the best one is kept.
    """
    generator = torch.Generator().manual_seed(seed)
    model = Factors(taken.num_users, taken.num_items, WIDTH, generator)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    negatives = Negatives(taken, generator)
    best, best_model, waited = -1.0, model, 0
    for _ in range(most_epochs):
        for some in torch.randperm(len(taken.users), generator=generator).split(BATCH):
            users = taken.users[some]
            optimizer.zero_grad()
            model.loss(users, taken.items[some], negatives.draw(users)).backward()
            optimizer.step()
        found = quality(model.recommend)
        best_model, waited = (deepcopy(model), 0) if found > best else (best_model, waited + 1)
        best = max(best, found)
        if waited > PATIENCE:
            break
    return best_model.recommend
