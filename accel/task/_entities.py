"""What the tasks have in common whose texts have entities; no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.core.metric import OF_ENTITIES, Metric
from accel.core.option import Objection
from accel.core.task import TokenTask
from accel.data import Dataset, Split
from accel.data.examples import Example, Tally, unique
from accel.data.splits import Splits
from accel.data.words import OUTSIDE, Tagged
from accel.errors import DataError
from accel.task._text_file import objections_to_sizes

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class EntityTask(TokenTask):
    """Base of every task whose answer is which parts of a text are what."""

    max_length: int = 128
    """Tokens of the model; of longer texts the rest counts as missed."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        yield from objections_to_sizes(self)

    def max_tokens(self) -> int:
        return self.max_length

    def predicts(self) -> type[Objective]:
        from accel.objective.tagging import Tagging

        return Tagging

    def metrics(self) -> tuple[Metric, ...]:
        return OF_ENTITIES if type(self).predicts is EntityTask.predicts else super().metrics()


def examples_of(sentences: Iterable[Tagged], source: str, tally: Tally) -> list[Example]:
    """Each text once, its tags as the label; a text that is tagged in two ways goes altogether.

    Raises:
        DataError: there are no words.
    """
    found = [Example((s.text,), " ".join(s.tags), s.where, s.group) for s in sentences if s.tags]
    if not found:
        raise DataError(f"{source} has no words. Give a file with texts.")
    return unique(found, tally)


def assemble(splits: Splits, tally: Tally, source: str) -> Dataset:
    """The splits with numbers for tags: of each type in training, one that begins and one that goes on.

    Args:
        source: what to name in messages, e.g. ``task.train=entities.jsonl``.

    Raises:
        DataError: a split is empty, nothing is tagged, or training lacks a type.
    """
    for name, split in zip(("train", "validation", "test"), splits, strict=True):
        if not split:
            raise DataError(f"{source}: no text is left for the {name} split. Add texts.")
    types = sorted({tag[2:] for e in splits[0] for tag in e.label.split() if tag != OUTSIDE})
    if not types:
        raise DataError(
            f"{source}: no word of training is tagged, so there is nothing to find. Check task.tags or task.spans."
        )
    names = [OUTSIDE, *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]
    number = {name: n for n, name in enumerate(names)}
    made = [Split([e.texts for e in split], [_numbers(e, number, types) for e in split]) for split in splits]
    total = hashlib.sha256(json.dumps(names).encode())
    for split in made:
        total.update(json.dumps([split.texts, split.labels]).encode())
    return Dataset(
        *made,
        label_names=names,
        fingerprint=total.hexdigest(),
        dropped=tally.dropped,
        duplicates=tally.duplicates,
        draws=tally.draws,
        notes=tally.notes,
    )


def _numbers(example: Example, number: dict[str, int], types: Sequence[str]) -> list[int]:
    unknown = next((tag for tag in example.label.split() if tag not in number), None)
    if unknown is not None:
        raise DataError(
            f"{example.where}: no text of training has an entity of the type {unknown[2:]!r}, so it cannot be found. "
            f"Add examples, or correct it; training has: {', '.join(types)}."
        )
    return [number[tag] for tag in example.label.split()]
