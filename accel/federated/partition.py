"""How examples are dealt out to simulated owners; a pure function of the seed.

``iid`` deals evenly; ``quantity`` draws the clients' sizes, and ``dirichlet`` their share of every label, from a
Dirichlet distribution (Hsu, Qi & Brown 2019, arXiv 1909.06335): the smaller alpha is, the more they differ. ``labels``
sorts by label and deals two pieces to each client (McMahan et al. 2017, arXiv 1602.05629).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.federated.choices import Partition

PIECES = 2
"""Of the sorted examples, for each client of ``labels``."""

Indices = np.ndarray
Shares = list[Indices]


@dataclass(frozen=True)
class _Clients:
    """What clients are like, whichever examples are dealt: those of another split go to them in the same shares."""

    count: int
    alpha: float
    seed: int

    def draws(self, label: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.count, label])

    def sizes(self, label: int = 0) -> np.ndarray:
        """Each client's share of a label's examples."""
        return self.draws(label).dirichlet(np.full(self.count, self.alpha))


def _iid(labels: np.ndarray, clients: _Clients, order: np.random.Generator) -> Shares:
    return np.array_split(order.permutation(len(labels)), clients.count)


def _quantity(labels: np.ndarray, clients: _Clients, order: np.random.Generator) -> Shares:
    return _cut(order.permutation(len(labels)), clients.sizes())


def _dirichlet(labels: np.ndarray, clients: _Clients, order: np.random.Generator) -> Shares:
    dealt = [
        _cut(order.permutation(np.flatnonzero(labels == label)), clients.sizes(int(label)))
        for label in np.unique(labels)
    ]
    return [np.concatenate(pieces) for pieces in zip(*dealt, strict=True)]


def _labels(labels: np.ndarray, clients: _Clients, order: np.random.Generator) -> Shares:
    shuffled = order.permutation(len(labels))
    pieces = np.array_split(shuffled[np.argsort(labels[shuffled], kind="stable")], PIECES * clients.count)
    hands = clients.draws().permutation(PIECES * clients.count).reshape(clients.count, PIECES)
    return [np.concatenate([pieces[piece] for piece in hand]) for hand in hands]


def by_owner(owners: Sequence[str]) -> dict[str, Indices]:
    """Indices of each owner's examples, owners in the order of their names."""
    names = np.asarray(owners)
    return {str(name): np.flatnonzero(names == name) for name in np.unique(names)}


DEALERS: dict[Partition, Callable[[np.ndarray, _Clients, np.random.Generator], Shares]] = {
    Partition.iid: _iid,
    Partition.dirichlet: _dirichlet,
    Partition.quantity: _quantity,
    Partition.labels: _labels,
}


def deal(
    partition: Partition, labels: Sequence[Any], *, clients: int, alpha: float, seed: int, trains: bool = True
) -> Shares:
    """Indices of each client's examples, in rising order; every example is at one client.

    Args:
        labels: the number of one for each example; of no meaning where the partition needs none.
        clients: at most as many as examples.
        trains: whether a client without examples gets one of another's.
    """
    known = np.asarray(labels) if partition.needs_labels else np.zeros(len(labels), dtype=int)
    dealt = DEALERS[partition](known, _Clients(clients, alpha, seed), np.random.default_rng([seed, clients]))
    return [np.sort(share) for share in (_nobody_empty(dealt) if trains else dealt)]


def _cut(indices: Indices, shares: np.ndarray) -> Shares:
    """In pieces of about these shares."""
    places = np.round(np.cumsum(np.nan_to_num(shares))[:-1] * len(indices)).astype(int)
    return np.split(indices, np.minimum(places, len(indices)))


def _nobody_empty(dealt: Shares) -> Shares:
    """A client without examples gets one of the client that has most."""
    for number, share in enumerate(dealt):
        if not len(share):
            richest = max(range(len(dealt)), key=lambda i: len(dealt[i]))
            dealt[number], dealt[richest] = dealt[richest][:1], dealt[richest][1:]
    return dealt
