"""How examples are dealt out to simulated owners; a pure function of the seed.

``iid`` deals evenly; ``quantity`` draws the clients' sizes, and ``dirichlet`` their share of every label, from a
Dirichlet distribution (Hsu, Qi & Brown 2019, arXiv 1909.06335): the smaller alpha is, the more they differ. ``labels``
sorts by label and deals two pieces to each client (McMahan et al. 2017, arXiv 1602.05629).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from accel.federated.choices import Partition

PIECES = 2
"""Of the sorted examples, for each client of ``labels``."""

Indices = np.ndarray
Shares = list[Indices]


def _iid(labels: np.ndarray, clients: int, alpha: float, order: np.random.Generator) -> Shares:
    del alpha
    return np.array_split(order.permutation(len(labels)), clients)


def _quantity(labels: np.ndarray, clients: int, alpha: float, order: np.random.Generator) -> Shares:
    return _cut(order.permutation(len(labels)), order.dirichlet(np.full(clients, alpha)))


def _dirichlet(labels: np.ndarray, clients: int, alpha: float, order: np.random.Generator) -> Shares:
    dealt = [
        _cut(order.permutation(np.flatnonzero(labels == label)), order.dirichlet(np.full(clients, alpha)))
        for label in np.unique(labels)
    ]
    return [np.concatenate(pieces) for pieces in zip(*dealt, strict=True)]


def _labels(labels: np.ndarray, clients: int, alpha: float, order: np.random.Generator) -> Shares:
    del alpha
    shuffled = order.permutation(len(labels))
    pieces = np.array_split(shuffled[np.argsort(labels[shuffled], kind="stable")], PIECES * clients)
    hands = order.permutation(PIECES * clients).reshape(clients, PIECES)
    return [np.concatenate([pieces[piece] for piece in hand]) for hand in hands]


def by_owner(owners: Sequence[str]) -> dict[str, Indices]:
    """Indices of each owner's examples, owners in the order of their names."""
    names = np.asarray(owners)
    return {str(name): np.flatnonzero(names == name) for name in np.unique(names)}


DEALERS: dict[Partition, Callable[[np.ndarray, int, float, np.random.Generator], Shares]] = {
    Partition.iid: _iid,
    Partition.dirichlet: _dirichlet,
    Partition.quantity: _quantity,
    Partition.labels: _labels,
}


def deal(partition: Partition, labels: Sequence[Any], *, clients: int, alpha: float, seed: int) -> Shares:
    """Indices of each client's examples, in rising order; every example is at one client, and no client has none.

    Args:
        labels: one for each example; of no meaning where the partition needs none.
        clients: at most as many as examples.
    """
    known = np.asarray(labels) if partition.needs_labels else np.zeros(len(labels), dtype=int)
    dealt = DEALERS[partition](known, clients, alpha, np.random.default_rng([seed, clients]))
    return [np.sort(share) for share in _nobody_empty(dealt)]


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
