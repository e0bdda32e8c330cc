"""What counting recommends: what is popular, what was popular lately, what goes together (item-kNN, EASE).

Each takes who took what and gives a function of users, which scores all items; the higher, the sooner it is shown.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Recommend = Callable[[Tensor, Tensor], Tensor]
"""(users int64 [some], what each has taken: bool [some, items]) -> scores float64 [some, items]."""
NEIGHBOURS = 100
RIDGE = 250.0
"""RecBole's own settings of item-kNN and EASE; not tuned, the same for all data."""
RECENT_SECONDS = 30 * 86400.0
DENSE = 8000
"""Items up to which every item is compared with every other one: the time of EASE grows with their cube."""


@dataclass(frozen=True)
class Taken:
    """Who took what, each pair once."""

    users: Tensor
    """int64 [pairs], from 0."""
    items: Tensor
    """int64 [pairs], from 0."""
    num_users: int
    num_items: int
    times: Tensor | None = None
    """float64 [pairs], in seconds."""

    def counts(self) -> Tensor:
        """float64 [items]: how many users took each."""
        return torch.bincount(self.items, minlength=self.num_items).double()

    def since(self, time: float) -> Taken:
        """Those that are not older; there must be times."""
        assert self.times is not None
        late = self.times >= time
        return Taken(self.users[late], self.items[late], self.num_users, self.num_items, self.times[late])

    def together(self) -> Tensor:
        """float64 [items, items]: how many users took both."""
        pairs, size = torch.stack([self.users, self.items]), (self.num_users, self.num_items)
        ones = torch.ones(len(self.users), dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that sparse products are new in torch, and that nothing checks them
            table = torch.sparse_coo_tensor(pairs, ones, size, check_invariants=False).coalesce()
            return torch.sparse.mm(table.t(), table).to_dense()


def popularity(taken: Taken) -> Recommend:
    """What most users took."""
    counts = taken.counts()
    return lambda users, history: counts.expand(len(users), -1)


def recent_popularity(taken: Taken, seconds: float = RECENT_SECONDS) -> Recommend:
    """What most users took in the last days of all."""
    assert taken.times is not None
    return popularity(taken.since(float(taken.times.max()) - seconds))


def item_knn(taken: Taken, neighbours: int = NEIGHBOURS) -> Recommend:
    """What is like the items that a user took: the sum of cosines, of each item's nearest ones alone.

    Deshpande & Karypis 2004, Item-based top-N recommendation algorithms.
    """
    both = taken.together()
    size = both.diagonal().clamp(min=1).sqrt()
    cosines = both / size[:, None] / size
    cosines.fill_diagonal_(0)
    nearest, place = cosines.topk(min(neighbours, taken.num_items), 1)
    like = torch.zeros_like(cosines).scatter_(1, place, nearest).T
    return lambda users, history: history.double() @ like


def ease(taken: Taken, ridge: float = RIDGE) -> Recommend:
    """The linear model of a user's items by the other ones that is best in squares, in closed form.

    Steck 2019, Embarrassingly shallow autoencoders for sparse data (arXiv 1905.03375).
    """
    inverse = torch.linalg.inv(taken.together() + ridge * torch.eye(taken.num_items, dtype=torch.float64))
    weights = -inverse / inverse.diagonal()
    weights.fill_diagonal_(0)
    return lambda users, history: history.double() @ weights
