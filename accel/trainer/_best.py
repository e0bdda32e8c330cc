"""What speaks against choosing among the models of several validations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from accel.core.option import Objection

if TYPE_CHECKING:
    from accel.core.plan import Plan


def objections_to_choice(chosen: str, instead: str, plan: Plan) -> Iterator[Objection]:
    """For a setting by which the validation split decides what the model becomes.

    Args:
        chosen: the setting, as it was typed.
        instead: what to type to do without.
    """
    if plan.privacy is not None:
        because = "the validation texts would decide which weights are released, and the accountant does not count that"
        yield Objection(f"{chosen}  with  {plan.privacy.key}", because, instead)
    if plan.strategy.trains_locally:
        because = "the server would choose by validation examples, and examples stay at the clients"
        yield Objection(f"{chosen}  with  strategy={plan.strategy.option_name()}", because, instead)
    if plan.strategy.saves_parts:
        because = "each process holds only a part of the weights, and the best ones are kept whole"
        yield Objection(
            f"{chosen}  with  strategy={plan.strategy.option_name()}", because, f"{instead}, or strategy=ddp"
        )


def comparable(settled_at: float, epochs: float) -> int:
    """How many validations, one after each epoch and one at the end, are of models that compare.

    Args:
        settled_at: share of training after which models have one form.
    """
    ends = [min(number, epochs) for number in range(1, math.ceil(epochs) + 1)]
    return sum(end > settled_at * epochs or end == epochs for end in ends)
