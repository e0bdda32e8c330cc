"""What the tasks have in common that learn which item a user takes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accel.core.metric import OF_RECOMMENDATION, Metric
from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset
from accel.data.interactions import RankingDataset
from accel.task._pairs import PairTask

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class RecommendingTask(GroupedTask, PairTask):
    """Base of every task whose queries are histories of users and whose passages are items."""

    history: int = 10
    """Items of a user that the network reads, the latest first."""
    pairs_per_user: int = 50
    """Of how many of a user's items, the latest ones, the network learns to foresee them."""
    max_length: int = 96
    """Tokens of a history, or of an item; longer ones are cut, and counted."""

    def predicts(self) -> type[Objective]:
        from accel.objective.recommendation import Recommendation

        return Recommendation

    def metrics(self) -> tuple[Metric, ...]:
        return OF_RECOMMENDATION if type(self).predicts is RecommendingTask.predicts else super().metrics()

    def objective(self, dataset: Dataset) -> Objective:
        kind: Any = self.predicts()
        assert isinstance(dataset, RankingDataset)
        return kind.of_interactions(dataset, self.temperature)

    def max_tokens(self) -> int:
        return self.max_length

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        for name, least in (("history", 1), ("pairs_per_user", 1), ("max_length", 4)):
            if getattr(self, name) < least:
                yield self.out_of_range(name, f"at least {least}", "10" if name == "history" else "50")
