"""Find which patients were studied in abstracts of clinical trials: real texts that install as a package.

What it does: 497 English abstracts of 257 words on average, each with the parts that say whom a trial studied, as
    answers to one question; where an abstract has several such parts, each is right. The baseline is a rule: from the
    first word for people to the end of its clause.
Use it when: you want to see questions about long texts before you bring your own.
What it costs: nothing; the data file of a package is read, its code is never run.
Composes with: as ``task=question_answering``.
Off switch: ``task=question_answering`` with a file of yours.
Reference: package evals 3.0.1.post1 (MIT). Install with ``pip install --no-deps evals==3.0.1.post1``.

    accel task=population model=minilm trainer.epochs=8
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from accel.data import Dataset, Split
from accel.data.content import Row
from accel.data.examples import Example, Tally, unique
from accel.data.splits import drawn
from accel.data.windows import Characters
from accel.task._answers import SpanTask, assemble, labelled
from accel.weights.packaged import Packaged

FILE = Packaged("evals", "3.0.1.post1", "evals/registry/data/population_span_extraction/samples.jsonl", "the abstracts")
QUESTION = "Which patients were studied?"
BETWEEN = re.compile(r"(?<=')\s*,\s*(?=')")
"""Between two parts, each of which stands in quotes."""
PEOPLE = re.compile(
    r"\b(patients?|wom[ae]n|m[ae]n|child(?:ren)?|adults|participants|subjects|individuals|infants|volunteers|people|"
    r"persons|adolescents|males|females|boys|girls|neonates|survivors|outpatients|smokers|students|mothers|veterans|"
    r"residents)\b[^.;:\n]*",
    re.IGNORECASE,
)
RULE = "from the first word for people to the end of its clause"


@dataclass(kw_only=True)
class Population(SpanTask):
    """Abstracts, and the parts of them that say who was studied."""

    max_length: int = 384
    """Tokens of a window: the question and a part of the abstract."""
    stride: int = 128
    """Tokens of the abstract that neighbouring windows share."""
    max_answer_length: int = 60
    """Tokens."""
    validation_fraction: float = 0.1
    """Of what is left after the test split."""
    test_fraction: float = 0.3

    def rows(self) -> Iterator[Row]:
        return (Row.of(*example.texts, label=example.label) for example in examples(f"task={self.option_name()}"))

    def guesses(self, test: Split) -> dict[str, list[Characters]]:
        return {RULE: [first_people(abstract) for _, abstract in test.texts]}

    def load(self, seed: int) -> Dataset:
        tally, source = Tally(), f"task={self.option_name()}"
        found = unique(examples(source), tally)
        splits = drawn(found, self.test_fraction, self.validation_fraction, seed, tally=tally)
        return assemble(splits, tally, source)


def examples(key: str) -> Iterator[Example]:
    """Every abstract with its parts.

    Raises:
        DataError: the package is not installed.
    """
    file = FILE.find(key)
    for number, line in enumerate(file.read_text("utf8").splitlines(), 1):
        row = json.loads(line)
        abstract = row["input"][-1]["content"]
        quoted = BETWEEN.split(row["ideal"].partition("spans: ")[2].strip())
        parts = [part.strip()[1:-1].strip() for part in quoted]
        places = [(abstract.index(part), abstract.index(part) + len(part)) for part in parts]
        yield Example((QUESTION, abstract), labelled(places), f"{file.name}, line {number}")


def first_people(abstract: str) -> Characters:
    """The first word for people and what follows it in its clause; the whole abstract where it has none."""
    found = PEOPLE.search(abstract)
    return found.span() if found else (0, len(abstract))
