"""One number of one text's logits, which is to be told apart by word: what it is with any of the words hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from accel.explanation.network import AT_ONCE, Inputs, Network


@dataclass(frozen=True)
class Question:
    """A hidden token keeps its place and its mask, but has the embedding of padding."""

    network: Network
    inputs: Inputs
    target: tuple[int, ...]
    """Where in the text's logits the number stands."""
    owners: Tensor
    """[positions]: the unit of each, below 0 where it belongs to none."""
    num_words: int
    """Units that are words; the tuned prompt, where there is one, comes after them."""
    text: Tensor
    """[positions, width]: the embeddings."""
    empty: Tensor
    """The same with every unit hidden."""

    @property
    def has_prompt(self) -> bool:
        """Whether the last unit is a tuned prompt."""
        return self.num_units > self.num_words

    @property
    def num_units(self) -> int:
        """Words, and a tuned prompt."""
        return max(self.num_words, int(self.owners.max()) + 1)

    def logits(self, points: Tensor) -> Tensor:
        """[points]: the number at embeddings [points, positions, width], with a gradient."""
        return self.network.logits_at(self.inputs, points)[(slice(None), *self.target)].float()

    def on_the_way(self, shares: Tensor) -> Tensor:
        """[points, positions, width]: between every unit hidden, at 0, and none, at 1."""
        return self.empty + shares[:, None, None] * (self.text - self.empty)

    @torch.no_grad()
    def shown(self, kept: Tensor) -> Tensor:
        """[rows]: the number where only the units of ``kept`` [rows, units] are shown."""
        whole = torch.cat([kept, torch.ones(len(kept), 1, dtype=torch.bool)], 1)  # the last: what belongs to no unit
        parts = whole[:, self.owners.clamp_min(-1)].split(AT_ONCE)
        return torch.cat([self.logits(torch.where(part[..., None], self.text, self.empty)) for part in parts])

    @cached_property
    def ends(self) -> tuple[float, float]:
        """(with every unit hidden, with none)."""
        both = torch.tensor([[False], [True]]).expand(2, self.num_units)
        hidden, whole = self.shown(both).tolist()
        return hidden, whole

    @property
    def difference(self) -> float:
        """What all units add together."""
        return self.ends[1] - self.ends[0]

    def by_unit(self, values: Tensor) -> Tensor:
        """[units]: values of positions, added up."""
        mine = self.owners >= 0
        return torch.zeros(self.num_units).index_add(0, self.owners[mine], values[mine].float())


def owners_with_prompt(owners: Sequence[int], num_words: int, start: int, length: int) -> Tensor:
    """[positions]: with those of a prompt, which is one more unit."""
    return torch.tensor([*owners[:start], *[num_words] * length, *owners[start:]])
