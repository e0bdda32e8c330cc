"""What the options have in common that cut parts out of the model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from accel.core.compression import Compression
from accel.core.option import Objection
from accel.core.technique import Stage

if TYPE_CHECKING:
    from accel.core.plan import Plan


class Start(Enum):
    """Which weights removal begins with."""

    baseline = "baseline"
    pretrained = "pretrained"


@dataclass(kw_only=True)
class Removal(Compression):
    """Base of every option that cuts parts out of the model: what is left is dense and needs no special kernel."""

    stage: ClassVar[Stage] = Stage.REMOVE
    start: Start = Start.baseline
    """baseline: the fine-tuned dense model; pretrained: the weights as they were downloaded."""

    @property
    def needs_baseline(self) -> bool:
        return self.start is Start.baseline

    @property
    def starts_from_baseline(self) -> bool:
        return self.removes and self.needs_baseline

    @property
    @abstractmethod
    def removes(self) -> bool:
        """Whether the settings ask for anything at all; without, the model stays what it would have been."""

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what is kept depends on weights and public text alone."""
        return self.start is Start.pretrained

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        yield from self.objections_to_family(plan)
        others = [c for c in plan.compression if isinstance(c, Removal) and c.option_name() > self.option_name()]
        for other in others:
            if other.start is not self.start:
                yield Objection(
                    f"{self.key}.start={self.start.name}  with  {other.key}.start={other.start.name}",
                    "a run starts from one set of weights",
                    f"{other.key}.start={self.start.name}",
                )
