"""What speaks against finding a number by training for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accel.core.option import Objection

if TYPE_CHECKING:
    from accel.core.plan import Plan


def objections_to_search(key: str, instead: str, plan: Plan) -> Iterator[Objection]:
    """For a setting that is found on copies of the model, with the run's own examples.

    Args:
        key: what asks for it, as it is typed.
        instead: what is typed instead of it.
    """
    off = instead
    if plan.privacy is not None:
        because = "it would be found on the private texts, and the accountant does not count the steps of a search"
        yield Objection(f"{key}  with  {plan.privacy.key}", because, f"{off}, or find it on public data")
    elif plan.strategy.trains_locally:
        because = "the server has no examples to find it on: they stay at the clients"
        yield Objection(f"{key}  with  strategy={plan.strategy.option_name()}", because, off)
    elif plan.strategy.num_processes() > 1 and not plan.strategy.holds_whole_models:
        because = "it is found on a whole model, and each process holds a part of it, as it may have no room for more"
        yield Objection(
            f"{key}  with  strategy={plan.strategy.option_name()}",
            because,
            f"{off}; strategy=ddp and strategy=single find it, and say the words to type",
        )
