"""Removes attention heads and feed-forward channels: a smaller dense model that is really faster.

What it does: during training it scores every head and channel, by default by the first-order change of the loss,
    masks the least important ones along a schedule (one global ranking, by score per cost), and after
    training cuts them out of the weights. The removed model computes what the masked one computed. It starts from the
    dense baseline, which is trained for the *before* column anyway: the scores of a fine-tuned model say what its task
    needs.
Use it when: latency or size matters on any hardware; no special kernel is needed.
What it costs: about half of the removable parameters go at little loss with ``distill``; more costs accuracy.
Composes with: qat, distill, ddp; with privacy where no private example is scored; refused with adapters, which freeze
    what is scored.
Off switch: ``compression.prune.sparsity=0``.
Budgets: a share of the parameters (``sparsity``), or what a product can afford: milliseconds on this machine, megabytes
    or FLOPs. Units are then ranked by score per millisecond, megabyte or FLOP and removed until the model fits, from a
    table of measured times as in ZipLM (Kurtic et al. 2023, arXiv 2302.04089); what cannot fit is told before training.
Reference: Molchanov et al. 2019 (arXiv 1906.10771); Michel et al. 2019 (arXiv 1905.10650); Lagunas et al. 2021 (arXiv
    2109.04838) for movement; Zhu & Gupta 2017 (arXiv 1710.01878) for the schedule; Sun et al. 2023 (arXiv 2306.11695)
    for activations times weights; ZipLM for what cannot be reconstructed.

    accel compression=[prune] compression.prune.sparsity=0.5
    accel compression=[prune,qat] compression.prune.target_latency_ms=5
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from accel.compression._gradual import Gradual
from accel.compression._removal import Removal, Start
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection

if TYPE_CHECKING:
    from pytorch_lightning import Callback
    from torch import nn

    from accel.core.plan import Plan
    from accel.data.prepared import Prepared
    from accel.ops.structured.cost_model import CostModel
    from accel.ops.structured.structure import Block
    from accel.ops.structured.unit_scores import UnitScorer


class Score(Enum):
    """What says how much a head or a channel matters."""

    first_order = "first_order"
    movement = "movement"
    magnitude = "magnitude"
    activation = "activation"
    reconstruction = "reconstruction"


TARGETS = ("target_latency_ms", "target_size_mb", "target_flops")


@dataclass(kw_only=True)
class Prune(Gradual, Removal):
    """Structured removal of heads and channels."""

    sparsity: float = 0.5
    """Share of the parameters in heads and channels that is removed at the end, in [0, 1); a target takes its place."""
    target_latency_ms: float | None = None
    """Time for one text of 128 tokens on this machine that the model may take on the fastest of the run's engines."""
    target_size_mb: float | None = None
    """Megabytes that the weights' file may have."""
    target_flops: float | None = None
    """Share of the dense model's multiplications and additions that may be left, in (0, 1)."""
    multiple_of: int = 32
    """Channels kept per layer are a multiple of this: odd sizes are slow."""
    score: Score = Score.first_order
    """first_order: by how much the loss would change, from the gradients of training; movement: by whether training
    makes a unit larger or smaller, from the same, where it still does (``start=pretrained``); magnitude: by the weights
    alone; activation: by what each unit adds to its layer's output; reconstruction: by what of that no other unit can
    take over."""
    public_text: str | None = None
    """For ``activation`` and ``reconstruction``: a file with one text per line, or a task with public data; null takes
    training examples."""

    @property
    def removes(self) -> bool:
        return self.sparsity > 0 or self.target is not None

    @property
    def target(self) -> tuple[str, float] | None:
        """The budget that was given, by the name of its setting."""
        given = ((name, getattr(self, name)) for name in TARGETS)
        return next(((name, value) for name, value in given if value is not None), None)

    @property
    def has_budget(self) -> bool:
        return self.target is not None

    @property
    def needs_latency_table(self) -> bool:
        return self.target_latency_ms is not None

    @property
    def needs_gradients(self) -> bool:
        """Whether scores come from the gradients of the training examples."""
        return self.score in (Score.first_order, Score.movement)

    @property
    def needs_activations(self) -> bool:
        """Whether scores come from the activations of units on a few texts."""
        return self.score in (Score.activation, Score.reconstruction)

    @property
    def against_compiling(self) -> str:
        return "it reads the inputs of layers" if self.needs_activations else ""

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what is kept depends on weights and public text alone."""
        public = self.score is Score.magnitude or self.public_text is not None
        return self.start is Start.pretrained and public

    def shown(self) -> dict[str, Any]:
        """A budget takes the place of the share."""
        return {k: v for k, v in self.settings().items() if k != "sparsity" or self.target is None}

    def public_texts(self) -> list[tuple[str, str]]:
        return [] if self.public_text is None else [(f"{self.key}.public_text", self.public_text)]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if not 0 <= self.sparsity < 1:
            yield self.out_of_range("sparsity", "in [0, 1): it is the share of parameters that goes", "0.5")
        yield from self._objections_to_targets()
        if self.multiple_of < 1:
            yield self.out_of_range("multiple_of", "at least 1", "32")
        if self.public_text is not None and not self.needs_activations:
            yield Objection(
                f"{self.key}.public_text={self.public_text}  with  {self.key}.score={self.score.name}",
                "only activations are computed on a text",
                f"{self.key}.score=activation or reconstruction, or {self.key}.public_text=null",
            )

    def _objections_to_targets(self) -> Iterator[Objection]:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        for name in given[1:]:
            yield Objection(
                f"{self.key}.{given[0]}={getattr(self, given[0])}  with  {self.key}.{name}={getattr(self, name)}",
                "heads and channels are ranked by score per unit of one budget, and two budgets give two rankings",
                f"{self.key}.{name}=null",
            )
        for name, limit, example in (
            ("target_latency_ms", float("inf"), "5"),
            ("target_size_mb", float("inf"), "12"),
            ("target_flops", 1.0, "0.4"),
        ):
            if name in given and not 0 < getattr(self, name) < limit:
                expected = "more than 0" if limit > 1 else "in (0, 1): it is the share that may be left"
                yield self.out_of_range(name, expected, example)

    def budget(self, model: nn.Module, blocks: Sequence[Block], facts: Facts) -> tuple[CostModel, float]:
        """What units cost in the currency of the budget, and the share of it that must go.

        Raises:
            RunError: the target is met without removing anything, or cannot be met.
        """
        from accel.ops.structured.cost_model import CURRENCIES, in_parameters

        if self.target is None:
            return in_parameters(model, blocks), self.sparsity
        name, value = self.target
        prices = CURRENCIES[name](model, blocks, facts)
        return prices, prices.share_to_remove(blocks, value, self.multiple_of, f"{self.key}.{name}")

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.structured.unit_masks import attach

        del facts
        attach(model)
        return model

    def check_budget(self, model: nn.Module, facts: Facts) -> None:
        from accel.ops.structured.structure import find_blocks

        self.budget(model, find_blocks(model), facts)

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.mask_units import MaskUnits

        budget = partial(self.budget, facts=facts)
        return [MaskUnits(self.ramp(facts.total_steps), budget, self.multiple_of, self._scorer)]

    def _scorer(self, data: Prepared) -> UnitScorer:
        from accel.data.calibration import calibration_batches
        from accel.ops.structured.unit_scores import scorer_for

        key = f"{self.key}.public_text"
        return scorer_for(self.score.name, lambda: calibration_batches(data, self.public_text, key))

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.structured.unit_masks import figures

        del history
        found = figures(model)
        if self.target is None:
            acted = self.sparsity == 0 or found["removed_fraction"] > 0.5 * self.sparsity
            return Evidence(acted, found, f"about {self.sparsity:.0%} of the removable parameters gone")
        name, value = self.target
        return Evidence(found["cost"] <= value * 1.001, found | {name: value}, f"a model within {name}={value:g}")

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.structured.unit_masks import remove_masked

        return remove_masked(model)
