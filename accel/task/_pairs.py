"""What the tasks have in common that learn which passage belongs to a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accel.core.metric import OF_RETRIEVAL, Metric
from accel.core.option import Objection
from accel.core.task import Task
from accel.data import Dataset
from accel.data.examples import Example, Tally, check_filled, dataset_of
from accel.data.splits import Splits

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan

ENCODERS = "model=minilm, or another encoder"


@dataclass(kw_only=True)
class PairTask(Task):
    """Base of every task whose examples are a query and a passage that belong together."""

    temperature: float = 0.05
    """By which similarities are divided in the loss: the lower, the more the nearest negatives count."""

    def predicts(self) -> type[Objective]:
        from accel.objective.retrieval import Retrieval

        return Retrieval

    def metrics(self) -> tuple[Metric, ...]:
        return OF_RETRIEVAL if type(self).predicts is PairTask.predicts else super().metrics()

    def objective(self, dataset: Dataset) -> Objective:
        return self.predicts().of_pairs(dataset.train.labels, self.temperature)  # type: ignore[attr-defined]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if not 0.001 <= self.temperature <= 10:
            yield self.out_of_range("temperature", "between 0.001 and 10", "0.05")
        pieces = (
            "trainer.fit_memory=true" if plan.trainer.fit_memory else f"trainer.accumulate={plan.trainer.accumulate}"
        )
        if plan.trainer.accumulate > 1 or plan.trainer.fit_memory:
            yield Objection(
                f"{pieces}  with  task={self.option_name()}",
                "a pair's negatives are the other pairs of its batch, so several small batches are not one large batch",
                "trainer.accumulate=1 with a larger trainer.batch_tokens, or strategy=ddp, whose batches count as one",
            )
        if plan.trainer.calibrate:
            yield Objection(
                f"trainer.calibrate=true  with  task={self.option_name()}",
                "a vector is no probability that could be calibrated",
                "trainer.calibrate=false",
            )
        yield from self._objections_to_model(plan.model.family(), plan)

    def _objections_to_model(self, name: str | None, plan: Plan) -> Iterator[Objection]:
        from accel.core.family import family_of

        family = family_of(name or "")
        if family.causal or family.encoder_decoder:
            yield Objection(
                f"task={self.option_name()}  with a {name} model",
                "a text's vector is the mean over its tokens, each of which must have read the whole text",
                ENCODERS,
            )


def assemble(splits: Splits, tally: Tally, source: str) -> Dataset:
    """Numbers every text, the same in all splits and on both sides: upper case and white space make no other text.

    Raises:
        DataError: a split is empty.
    """
    check_filled({"train": splits[0], "validation": splits[1], "test": splits[2]}, source)
    known: dict[str, int] = {}

    def numbered(example: Example) -> list[int]:
        return [known.setdefault(plain(text), len(known)) for text in example.texts]

    return dataset_of(splits, numbered, [], tally)


def by_query(examples: Sequence[Example]) -> list[Example]:
    """The same; what is part of nothing else stays with its query, whose other passages are no mistakes."""
    return [e if e.group else replace(e, group=plain(e.texts[0])) for e in examples]


def plain(text: str) -> str:
    """What makes a text the same as another."""
    return " ".join(text.split()).casefold()
