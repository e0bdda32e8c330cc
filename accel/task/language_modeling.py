"""Teach a language model to continue texts like those of your own file.

What it does: reads .txt (a blank line ends a document), CSV, TSV, JSON lines or Parquet with a text column, removes
    repeated documents, splits by document, and cuts long ones into blocks of ``block_length`` tokens. No block holds
    parts of two documents, so nothing is predicted from another one; every token is predicted exactly once.
Use it when: you have text of the kind that your model shall write, and no labels.
What it costs: nothing beyond reading the file.
Composes with: every compression but vocabulary, every tuning but head; models that predict from left to right.
Off switch: choose another task.
Reference: perplexity is e to the loss per token; bits per byte compare models whose tokens differ; accuracy is the
    share of tokens that the model would have guessed.

    accel task=language_modeling task.train=manuals.txt model=smollm2 trainer.max_steps=100
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accel.core.language_task import LanguageTask
from accel.data import Dataset
from accel.data.content import Content, ContentQuery, content_of_file
from accel.data.documents import assemble, read_documents
from accel.data.examples import Example, Tally
from accel.data.splits import three_splits


@dataclass(kw_only=True)
class LanguageModeling(LanguageTask):
    """Texts from files."""

    train: str
    """.txt, .csv, .tsv, .json, .jsonl, .ndjson (also .gz), .parquet or .xlsx, UTF-8 or UTF-16."""
    validation: str | None = None
    """Split off ``train`` when absent."""
    test: str | None = None
    """Split off ``train`` when absent."""
    text: str = "text"
    """The column; a .txt file has this one."""

    def source(self) -> str:
        return Path(self.train).name

    def content(self, secret: bytes) -> Content:
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        asked = (
            ContentQuery.now(path, f"task.{split}", [self.text]) for split, path in files.items() if path is not None
        )
        return Content.together(content_of_file(file, secret) for file in asked)

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        train = self._read("train", self.train, tally)
        test = self._read("test", self.test, tally)
        validation = self._read("validation", self.validation, tally)
        sizes = (self.test_fraction, self.validation_fraction)
        splits = three_splits(train, *sizes, seed, validation=validation, test=test, tally=tally)
        return assemble(*splits, tally, f"task.train={self.train}")

    def _read(self, split: str, path: str | None, tally: Tally) -> list[Example]:
        return [] if path is None else read_documents(path, f"task.{split}", self.text, tally)
