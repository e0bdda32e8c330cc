"""Which tokens of a text are hidden from a network that has to find them: whole words, and what stands in their place.

Words are those of ``accel.data.words``, whatever pieces a tokenizer makes of them: letters and digits together, signs
and ideographs one by one. Tokens that share a word, or a character, are hidden together. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from accel.data.words import words_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPECIAL = -1
"""The unit of a token that is never hidden."""
HIDDEN, REPLACED = 0.8, 0.1
"""Of the chosen tokens: as many become the mask, and as many another token; the rest stays as it is (Devlin 2019)."""


@dataclass(frozen=True)
class Pieces:
    """What a tokenizer has to hide a token with."""

    mask: int
    ordinary: np.ndarray
    """Every token that is not special."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Pieces | None:
        """None where it has no token that means hidden."""
        if tokenizer.mask_token_id is None:
            return None
        everything = np.arange(len(tokenizer), dtype=np.int32)
        return cls(int(tokenizer.mask_token_id), np.setdiff1d(everything, tokenizer.all_special_ids))  # type: ignore[arg-type]


def units_of(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """For each token the number of its unit: tokens of one unit are hidden together.

    Args:
        offsets: where each token begins and ends in the text, in characters; no token is special.
    """
    inside = {place for start, end in words_of(text) for place in range(start + 1, end)}
    units: list[int] = []
    unit, before = -1, 0
    for start, end in offsets:
        if unit < 0 or (start >= before and start not in inside):
            unit += 1
        units.append(unit)
        before = max(before, end)
    return units


def chosen(units: np.ndarray, fraction: float, order: np.random.Generator) -> np.ndarray:
    """bool [tokens]: whole units at random, of about ``fraction`` of the tokens, and at least one.

    A unit that would make it too many by more than it adds is passed over.
    """
    sizes = np.bincount(units[units != SPECIAL])
    wanted = max(1.0, fraction * sizes.sum())
    taken = np.zeros(len(sizes), dtype=bool)
    total = 0
    for unit in order.permutation(len(sizes)).tolist():
        if total and total + sizes[unit] > wanted:
            continue
        taken[unit] = sizes[unit] > 0
        total += int(sizes[unit])
        if total >= wanted:
            break
    return np.append(taken, False)[units]  # the last stands for special ones


def hidden(ids: np.ndarray, mark: np.ndarray, pieces: Pieces, order: np.random.Generator) -> np.ndarray:
    """The tokens as a network is given them: of the marked ones some hidden, some replaced, some as they are."""
    places = np.flatnonzero(mark)
    dice = order.random(len(places))
    other = order.choice(pieces.ordinary, len(places))
    found = ids.copy()
    found[places] = np.where(dice < HIDDEN, pieces.mask, np.where(dice < HIDDEN + REPLACED, other, ids[places]))
    return found


def order_of(ids: np.ndarray, draw: tuple[int, ...]) -> np.random.Generator:
    """Chance that is a function of the tokens and the draw alone, whatever else is in the batch or in the split.

    Args:
        draw: seed and epoch in training; always the same otherwise.
    """
    tokens = crc32(np.ascontiguousarray(ids, dtype=np.int32).tobytes())
    return np.random.default_rng([len(draw), tokens, *draw])  # the length, because zeros at the end change nothing
