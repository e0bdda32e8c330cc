"""What was said next: messages and their replies from dialogues of people who get to know each other.

What it does: reads about 4,000 English conversations from a package, and takes each turn with the one after it as a
    pair. Conversations stay whole: none has pairs in two splits.
Use it when: you want to see a retrieval model trained, cut and rounded before you bring pairs of your own.
What it costs: nothing; the data file of a package is read, its code is never run. About 120,000 pairs: a pass is long
    on a processor, so give ``trainer.max_steps``.
Composes with: as ``task=retrieval``.
Off switch: ``task=retrieval`` with a file of yours.
Reference: package chitchat-dataset 0.9.0 (MIT).

    accel task=reply_retrieval trainer.batch_tokens=4096 trainer.max_steps=300
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Example, Tally, unique
from accel.data.splits import drawn
from accel.task._passages import PassageTask
from accel.task._text_file import objections_to_sizes
from accel.task.chitchat import conversations


@dataclass(kw_only=True)
class ReplyRetrieval(PassageTask):
    """Which reply belongs to a message."""

    max_length: int = 64
    """Tokens; longer texts are cut, and counted."""
    validation_fraction: float = 0.02
    """Of the conversations that are left after the test split."""
    test_fraction: float = 0.02

    def max_tokens(self) -> int:
        return self.max_length

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        yield from objections_to_sizes(self)

    def rows(self) -> Iterator[Row]:
        return (Row.of(*example.texts) for example in _pairs())

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        pairs = unique(_pairs(), tally)
        splits = drawn(pairs, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return self.assembled(splits, tally, f"task={self.option_name()}")


def _pairs() -> Iterator[Example]:
    for chat in sorted(conversations()):
        for turns in pairwise(chat.split("\n")):
            yield Example(turns, "", group=chat)
