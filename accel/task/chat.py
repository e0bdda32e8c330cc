"""Teach a language model to reply as the assistant of your own conversations does.

What it does: reads JSON lines with ``messages`` (role, content) or ``conversations`` (from, value), writes each
    conversation by the model's own chat template, and learns the tokens of the assistant's replies alone, the one that
    ends a reply included. Where replies stand is not taken from the template: it is found by rendering and proven for
    every conversation; a template for which that fails is refused before anything is trained.
Use it when: you have conversations as they should go, and want a model that talks: ``accel chat RUN``.
What it costs: nothing beyond reading the file. Conversations beyond ``max_length`` tokens are cut. With ``selections``
    a finished model reads ten conversations for each, to pick the true reply: recall@1 of 10.
Composes with: as ``task=language_modeling``. A language model may be the teacher of ``distill``.
Off switch: ``task=language_modeling`` learns every token of a text.
Reference: reply perplexity is e to the loss per token of a reply, over all replies of the split.

    accel task=chat task.train=conversations.jsonl model=smollm2 tuning=lora trainer.max_steps=100
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.chat_templates import template_of
from accel.data.content import Content, ContentQuery, content_of_file
from accel.data.conversations import read_conversations
from accel.data.examples import Example, Tally
from accel.data.splits import three_splits
from accel.task._chats import ChatTask, assemble


@dataclass(kw_only=True)
class Chat(ChatTask):
    """Conversations from files."""

    train: str
    """.jsonl, .ndjson, .json (also .gz) or .parquet, UTF-8 or UTF-16."""
    validation: str | None = None
    """Split off ``train`` when absent."""
    test: str | None = None
    """Split off ``train`` when absent."""
    messages: str | None = None
    """The column of turns; ``messages`` or ``conversations`` when absent."""
    split_by: str | None = None
    """A column, such as a customer, whose conversations stay in one split; each goes alone when absent."""

    def source(self) -> str:
        return Path(self.train).name

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.split_by is not None and self.split_by == self.messages:
            yield self.out_of_range("split_by", "another column than the turns", "null, or what rows are part of")

    def content(self, secret: bytes) -> Content:
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        asked = (ContentQuery.now(path, f"task.{split}") for split, path in files.items() if path is not None)
        return Content.together(content_of_file(file, secret) for file in asked)

    def load(self, seed: int) -> Dataset:
        template_of(self.template)  # a file that cannot be read is told with the data's
        tally = Tally()
        train, validation, test = (self._read(split, tally) for split in ("train", "validation", "test"))
        sizes = (self.test_fraction, self.validation_fraction)
        splits = three_splits(train, *sizes, seed, validation=validation, test=test, tally=tally)
        return assemble(splits, tally, f"task.train={self.train}")

    def _read(self, split: str, tally: Tally) -> list[Example]:
        path = getattr(self, split)
        if path is None:
            return []
        return read_conversations(path, f"task.{split}", self.messages, self.split_by, tally)
