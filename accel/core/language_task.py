"""What tasks have in common whose texts a language model learns to continue, or to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.family import CAUSAL_FAMILIES
from accel.core.metric import OF_LANGUAGE, Metric
from accel.core.option import Objection
from accel.core.task import TokenTask

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class CausalTask(TokenTask):
    """A trait: the model predicts each token of a text from those before it."""

    can_calibrate: ClassVar[bool] = False
    unit: ClassVar[str] = "documents"
    """What is drawn into splits, in the plural."""

    validation_fraction: float = 0.05
    """Of what is left after the test split."""
    test_fraction: float = 0.05

    def predicts(self) -> type[Objective]:
        from accel.objective.language_modeling import LanguageModelling

        return LanguageModelling

    def metrics(self) -> tuple[Metric, ...]:
        return OF_LANGUAGE if type(self).predicts is CausalTask.predicts else super().metrics()

    def objections(self, plan: Plan) -> Iterator[Objection]:
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                yield self.out_of_range(name, f"between 0 and 1: a share of the {self.unit}", "0.05")
        if (family := plan.model.family()) is not None:
            yield from self.objections_to_model(family)

    def objections_to_model(self, family: str) -> Iterator[Objection]:
        """To an architecture that does not predict what the task wants."""
        if family not in CAUSAL_FAMILIES:
            yield Objection(
                f"task={self.option_name()}  with a {family} model",
                f"a language model must predict each token from those before it, and a {family} does not",
                "model=smollm2, or another of " + ", ".join(CAUSAL_FAMILIES),
            )


@dataclass(kw_only=True)
class LanguageTask(CausalTask):
    """Base of every task whose documents a language model learns to continue."""

    block_length: int = 256
    """Tokens; a longer document is cut into several blocks, and no block holds parts of two documents."""

    def max_tokens(self) -> int:
        return self.block_length

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if not 8 <= self.block_length <= 100_000:
            yield self.out_of_range("block_length", "at least 8 tokens", "256")
        yield from super().objections(plan)
