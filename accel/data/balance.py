"""How much each training example counts, so that rare ones are not drowned: by its label, or by its group and label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

Balance = Enum("Balance", [("none", "none"), ("class", "class"), ("group", "group")])
"""What examples are weighed by."""
EVEN = 1e-9
"""Weights that differ less from 1 change nothing."""


def by_class(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Inverse to how often a label occurs: every label counts as much as any other."""
    del groups
    _, which, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return 1 / sizes[which]


def by_group(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """As often as group and label would meet if they were independent, by how often they do.

    Reweighing of Kamiran & Calders 2012 (doi 10.1007/s10115-011-0463-8): in every group labels then count as they do
    in the whole, and no group counts more or less than its share.
    """
    _, group, groups_sizes = np.unique(groups, return_inverse=True, return_counts=True)
    _, label, label_sizes = np.unique(labels, return_inverse=True, return_counts=True)
    cells = np.zeros((len(groups_sizes), len(label_sizes)))
    np.add.at(cells, (group, label), 1)
    return groups_sizes[group] * label_sizes[label] / cells[group, label]


WEIGHING: Mapping[Balance, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    Balance["class"]: by_class,
    Balance["group"]: by_group,
}


def importance(balance: Balance, labels: Sequence[Any], groups: Sequence[str]) -> np.ndarray | None:
    """float32 [examples], with the mean 1; None where nothing is to be weighed.

    Args:
        groups: of each example; of no meaning unless groups are balanced.
    """
    if balance not in WEIGHING:
        return None
    found = WEIGHING[balance](np.asarray(labels), np.asarray(groups))
    return (found / found.mean()).astype(np.float32)


def told(weights: np.ndarray, labels: Sequence[str], groups: Sequence[str] = ()) -> list[dict[str, Any]]:
    """For the record: by label, and by group where there are some, how many examples there are and what each counts."""
    keys: list[tuple[str, ...]] = [*zip(*([groups, labels] if len(groups) else [labels]), strict=True)]
    sizes: dict[tuple[str, ...], int] = {}
    for key in keys:
        sizes[key] = sizes.get(key, 0) + 1
    each = dict(zip(keys, weights.tolist(), strict=True))
    names = ("group", "label")
    return [
        {**dict(zip(names[-len(key) :], key, strict=True)), "examples": sizes[key], "weight": round(each[key], 6)}
        for key in sorted(sizes)
    ]
