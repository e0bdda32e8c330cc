"""What makes the model smaller or faster; any number of these compose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.family import SUPPORTED_FAMILIES
from accel.core.option import Objection, typed
from accel.core.technique import Technique

if TYPE_CHECKING:
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Compression(Technique):
    """Base of every option of the group ``compression``."""

    group: ClassVar[str] = "compression"
    after_training: ClassVar[bool] = False
    """Whether a model is trained as if it were not there."""
    several: ClassVar[bool] = True
    changes_model: ClassVar[bool] = True

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what it does to the model depends on weights, gradients and public text alone; else, and where nobody
        has said so, it is refused under privacy, whose accountant sees nothing but gradients.
        """
        return False

    @property
    def needs_gradients(self) -> bool:
        """Whether it scores weights by their gradients, which frozen ones do not have."""
        return False

    def objections_to_family(self, plan: Plan) -> Iterator[Objection]:
        """For an option that must know where the parts of an architecture lie."""
        family = plan.model.family()
        if family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"{typed(self)}  with a {family} model",
                f"accel knows where layers, heads and channels lie in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                "compression=[qat], or a model of a known family",
            )
