"""Dialogues of people who get to know each other: real text for a language model that installs as a package.

What it does: about 4,000 English conversations of at least two turns, a line per turn, as one document each.
Use it when: you want to see a small language model compressed before you bring text of your own.
What it costs: nothing; the data file of a package is read, its code is never run.
Composes with: as ``task=language_modeling``.
Off switch: ``task=language_modeling`` with a file of yours.
Reference: package chitchat-dataset 0.9.0 (MIT).

    accel task=chitchat model=tiny_llama trainer.max_steps=50
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from accel.core.language_task import LanguageTask
from accel.data import Dataset
from accel.data.content import Row
from accel.data.documents import assemble, document
from accel.data.examples import Tally, unique
from accel.data.splits import three_splits
from accel.weights.packaged import Packaged

FILE = Packaged("chitchat-dataset", "0.9.0", "chitchat_dataset/dataset.json", "the dialogues")


@dataclass(kw_only=True)
class Chitchat(LanguageTask):
    """Small talk, a line per turn."""

    def rows(self) -> Iterator[Row]:
        return map(Row.of, conversations())

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        documents = unique(map(document, sorted(conversations())), tally)
        splits = three_splits(documents, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(*splits, tally, f"task={self.option_name()}")


def conversations() -> Iterator[str]:
    """Every conversation of at least two turns.

    Raises:
        DataError: the package is not installed.
    """
    for chat in json.loads(FILE.find("task=chitchat").read_text("utf8")).values():
        turns = [" ".join(" ".join(message["text"].split()) for message in turn) for turn in chat["messages"]]
        if sum(bool(turn) for turn in turns) >= 2:
            yield "\n".join(turn for turn in turns if turn)
