"""Removes whole layers: a shallower dense model, faster on every machine in proportion.

What it does: before training, keeps a share of the layers, evenly spread or the lowest ones, with the weights of the
    dense baseline; the rest of the run teaches the shorter model the task again.
Use it when: latency matters more than the last point of quality; depth is what a processor cannot do in parallel, so a
    layer less is worth more time than as many parameters less in width.
What it costs: half of the layers cost one to three points; ``distill`` wins part of it back.
Composes with: prune, qat, distill, every tuning and strategy; with privacy when it starts from the pretrained weights.
Off switch: ``compression.layers.keep=1``.
Reference: Sajjad et al. 2020 (arXiv 2004.03844) for the lowest layers; Fan et al. 2019 (arXiv 1909.11556) for evenly
    spread ones; Sanh et al. 2019, DistilBERT (arXiv 1910.01108) for starting a student this way.

    accel compression=[layers,distill] compression.layers.keep=0.5
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from accel.compression._removal import Removal
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan


class Which(Enum):
    """Which layers stay."""

    evenly = "evenly"
    lowest = "lowest"


@dataclass(kw_only=True)
class Layers(Removal):
    """Removal of whole layers by their place."""

    keep: float = 0.5
    """Share of the layers that stays, in (0, 1]; at least one does."""
    which: Which = Which.evenly
    """evenly: spread over the depth, with the first and the last; lowest: the first ones."""

    @property
    def removes(self) -> bool:
        return self.keep < 1

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 < self.keep <= 1:
            yield self.out_of_range("keep", "in (0, 1]: it is the share of layers that stays", "0.5")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.structured.layer_dropping import drop_layers

        del facts
        drop_layers(model, self.keep, self.which.name)
        return model

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.structured.layer_dropping import figures

        del history
        found = figures(model)
        return Evidence(
            acted=not self.removes or bool(found["removed_layers"]),
            figures=found,
            expected=f"at most {self.keep:.0%} of the layers left, and at least one gone",
        )
