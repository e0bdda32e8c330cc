"""Groups by a number, such as an age: four ranges instead of a group for every number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

MOST_VALUES = 10
"""A column of numbers with no more of them is one of names, such as stars or a level."""
RANGES = 4

Strata = Mapping[str, list[str]]


def in_ranges(splits: Sequence[Strata], missing: str) -> tuple[list[Strata], list[str]]:
    """(the splits' groups, what a user should know): columns of many numbers are cut at the quartiles of the last.

    The last is the test split: figures are compared in it, so its groups are of about equal size.

    Args:
        splits: by column, the group of each example, of train, validation and test.
        missing: the group of an empty cell, which stays one.
    """
    cuts = {name: _cuts([split[name] for split in splits], missing) for name in splits[-1]}
    notes = [
        f"task.group={name}: numbers are compared in {len(found) + 1} ranges, cut at the quartiles of the test split"
        for name, found in cuts.items()
        if found is not None
    ]
    return [{name: _named(values, cuts[name], missing) for name, values in split.items()} for split in splits], notes


def _cuts(splits: Sequence[Sequence[str]], missing: str) -> list[float] | None:
    """Where a column is cut; None where its values are names, or numbers that are few."""
    known = [[value for value in values if value != missing] for values in splits]
    numbers = [[_number(value) for value in values] for values in known]
    if any(math.isnan(number) for split in numbers for number in split) or len(set(numbers[-1])) <= MOST_VALUES:
        return None
    shares = np.arange(1, RANGES) / RANGES
    found = np.unique(np.quantile(numbers[-1], shares, method="inverted_cdf"))
    below = sorted({number for number in numbers[-1] if number < max(numbers[-1])})
    return [cut for cut in found.tolist() if cut <= below[-1]] or below[-1:]  # most may be the largest number


def _number(value: str) -> float:
    """NaN of what is none, or has no place among others."""
    try:
        found = float(value)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _named(values: Sequence[str], cuts: list[float] | None, missing: str) -> list[str]:
    """``1: at most 25``, ``2: over 25 to 40``, ``3: over 40``."""
    if cuts is None:
        return list(values)
    names = [f"1: at most {cuts[0]:g}"]
    names += [f"{i}: over {low:g} to {high:g}" for i, (low, high) in enumerate(pairwise(cuts), 2)]
    names.append(f"{len(cuts) + 1}: over {cuts[-1]:g}")
    return [value if value == missing else names[int(np.searchsorted(cuts, _number(value)))] for value in values]
