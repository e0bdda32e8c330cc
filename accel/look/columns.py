"""What each column of a table holds, by its values alone."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from textwrap import shorten
from typing import Any

from accel.data.numbers import NUMBER
from accel.data.spelling import label_of, plain
from accel.data.table import Table

TAG = re.compile(r"O|[BIESLU]-\S+")
"""Of a word that is part of an entity, or of none."""
_TIME = re.compile(r"\d{1,4}[-/.年]\d{1,2}([-/.月]\d{1,4}日?)?([ T].*)?|\d{1,2}:\d{2}(:\d{2})?")
_LINK = re.compile(r"(https?://|www\.)\S+|\S+@\S+\.\w+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
SEPARATORS = ("|", ";", "；", ",", "，", "、")
"""What may stand between several labels in a cell."""
MOST_CLASSES = 200
SAME = 3
"""A class has so many rows, on average, or it is none."""
LONGEST_LABEL = 60
SHOWN = 40
"""Letters of a label in a list of them."""
IDS = frozenset(["id", "ids", "qid", "uid", "uuid", "index", "idx", "编号", "序号"])
SPLITS = frozenset({"train", "training", "test", "dev", "valid", "validation", "val", "eval"})


TURNS = ({"role", "content"}, {"from", "value"})
ANSWERS = {"text", "answer_start"}


@dataclass(frozen=True)
class Column:
    """A column with what can be said of it; a cell that is empty has no value."""

    name: str
    cells: Sequence[Any]

    @cached_property
    def values(self) -> list[Any]:
        return [cell for cell in self.cells if not _empty(cell)]

    @cached_property
    def empty(self) -> int:
        """Cells without a value."""
        return len(self.cells) - len(self.values)

    @cached_property
    def texts(self) -> list[str]:
        """The values as a label is written; none of a column of lists."""
        return [] if self.holds_lists else [label_of(value) for value in self.values]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.texts)

    @cached_property
    def words(self) -> list[str]:
        """Of its name: ``airlineSentiment`` and ``airline_sentiment`` are airline, sentiment."""
        return [part.casefold() for part in _PART.findall(plain(self.name))]

    @cached_property
    def holds_lists(self) -> bool:
        return any(isinstance(value, list | tuple | dict) for value in self.values)

    @cached_property
    def items(self) -> list[list[Any]]:
        """The lists of a column of lists, those written as JSON included; empty where it is none."""
        found = [_listed(value) for value in self.values]
        return [] if not found or None in found else found  # type: ignore[return-value]

    @cached_property
    def width(self) -> float:
        """Letters of a value, on average; an ideograph says what two or three letters say."""
        return sum(len(text) + 1.5 * len(WIDE.findall(text)) for text in self.texts) / max(1, len(self.texts))

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @cached_property
    def numeric(self) -> bool:
        return bool(self.texts) and all(NUMBER.fullmatch(text) for text in self.counts)

    @cached_property
    def decimal_commas(self) -> bool:
        """Whether its numbers are written as 4,5."""
        some = any("," in text for text in self.counts) and not self.thousands
        return some and all(NUMBER.fullmatch(text.replace(",", ".", 1)) for text in self.counts)

    @cached_property
    def thousands(self) -> bool:
        """Whether its numbers have a comma between thousands."""
        some = any("," in text for text in self.counts)
        return some and all(_THOUSANDS.fullmatch(text) or NUMBER.fullmatch(text) for text in self.counts)

    @property
    def written_numbers(self) -> bool:
        """Whether it holds numbers that are not written as numbers."""
        return self.decimal_commas or self.thousands

    @cached_property
    def whole(self) -> bool:
        """Whether all its numbers are whole."""
        return self.numeric and all(float(text).is_integer() for text in self.counts)

    @property
    def binary(self) -> bool:
        """Whether it says yes or no."""
        return 0 < self.distinct <= 2 and {text.lower() for text in self.counts} <= {"0", "1", "true", "false"}

    @cached_property
    def about_the_row(self) -> str:
        """What makes a column one of no interest: a number of the row, a time, a link, a split; empty where nothing."""
        if not self.texts:
            return "" if self.holds_lists else "nothing"
        if {text.casefold() for text in self.counts} <= SPLITS:
            return "the split of a row"
        if _share(_TIME, self.counts) > 0.9:
            return "times"
        if _share(_LINK, self.counts) > 0.9:
            return "links or addresses"
        return "numbers or names of rows" if self._names_rows else ""

    @property
    def _names_rows(self) -> bool:
        if IDS & set(self.words) and self.distinct > len(self.texts) // SAME:
            return True
        if self.distinct < len(self.texts):
            return False
        counted = self.whole and _regular([int(float(text)) for text in self.texts])
        codes = not self.numeric and all(" " not in text and any(c.isdigit() for c in text) for text in self.counts)
        return counted or (codes and self.width < LONGEST_LABEL and not any(map(WIDE.search, self.counts)))

    @property
    def names_classes(self) -> bool:
        """Whether few values come again and again."""
        few = 2 <= self.distinct <= min(MOST_CLASSES, len(self.texts) // SAME)
        named = not self.about_the_row and not self.parts and not self.written_numbers
        return few and named and max(map(len, self.counts)) <= LONGEST_LABEL

    @property
    def measures(self) -> bool:
        """Whether it holds numbers of which there are too many for classes."""
        many = self.distinct > 20 or not self.whole
        return self.numeric and self.distinct > 2 and many and not self.about_the_row

    @property
    def tells(self) -> bool:
        """Whether it holds texts."""
        varied = self.distinct > max(2, 0.3 * len(self.texts)) or self.width > LONGEST_LABEL
        number = self.numeric or self.written_numbers
        return bool(self.texts) and varied and not (number or self.about_the_row or self.items)

    @cached_property
    def parts(self) -> str:
        """The sign between several labels of a cell; empty where cells have one label."""
        return next((sign for sign in SEPARATORS if self._joined_by(sign)), "")

    def _joined_by(self, sign: str) -> bool:
        """Whether cutting there makes few short words out of more cells, all of which come again."""
        several = sum(count for text, count in self.counts.items() if sign in text)
        if self.numeric or self.written_numbers or several < 0.05 * len(self.texts) or not self.texts:
            return False
        parts = Counter(part.strip() for text in self.texts for part in text.split(sign) if part.strip())
        few = len(parts) <= min(MOST_CLASSES, len(self.texts) // SAME) and len(parts) < self.distinct
        return few and max(map(len, parts)) <= 30 and min(parts.values()) > 1

    @cached_property
    def lists_tags(self) -> bool:
        items = [item for row in self.items for item in row]
        return bool(items) and all(isinstance(item, str) and TAG.fullmatch(item) for item in items)

    @cached_property
    def lists_spans(self) -> bool:
        items = [item for row in self.items for item in row]
        return bool(items) and all(isinstance(i, Mapping) and {"start", "end", "label"} <= set(i) for i in items)

    @cached_property
    def lists_turns(self) -> bool:
        """Whether it holds conversations: who speaks, and what is said."""
        items = [item for row in self.items for item in row]
        return bool(items) and all(isinstance(i, Mapping) and any(keys <= set(i) for keys in TURNS) for i in items)

    @cached_property
    def holds_answers(self) -> bool:
        """Whether it holds parts of a text and where they begin, as SQuAD has them."""
        parts = [
            part for v in self.values for part in ([v] if isinstance(v, Mapping) else v if isinstance(v, list) else [v])
        ]
        return bool(parts) and all(isinstance(part, Mapping) and set(part) >= ANSWERS for part in parts)

    @cached_property
    def lists_words(self) -> bool:
        items = [item for row in self.items for item in row]
        return bool(items) and all(isinstance(item, str | int) for item in items) and not self.lists_tags

    @property
    def holds(self) -> str:
        """In words, for people."""
        kinds = {
            self.about_the_row: bool(self.about_the_row),
            "lists of tags": self.lists_tags,
            "lists of spans": self.lists_spans,
            "conversations": self.lists_turns,
            "answers": self.holds_answers,
            "lists of words": self.lists_words,
            "lists": self.holds_lists,
            f"several labels, with {self.parts!r} between": bool(self.parts),
            f"classes: {self._named()}": self.names_classes,
            "numbers": self.numeric,
            "numbers with a decimal comma": self.decimal_commas,
            "numbers with commas between thousands": self.thousands,
            "texts": self.tells,
        }
        return next((what for what, holds in kinds.items() if holds), "words")

    def _named(self) -> str:
        named = [f"{shorten(name, SHOWN, placeholder='…')} ({count})" for name, count in self.counts.most_common(5)]
        return ", ".join(named) + f" and {self.distinct - 5} more" * (self.distinct > 5)


def columns_of(table: Table) -> list[Column]:
    """Every column that has a name of its own; what a line of JSON lacks is empty."""
    once = [name for name in table.columns if table.columns.count(name) == 1]
    return [Column(name, [row.get(name) for row in table.rows]) for name in once]


def _empty(cell: Any) -> bool:
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or (isinstance(cell, str) and not cell.strip())
    )


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return list(value) if isinstance(value, list | tuple) else None


def _share(pattern: re.Pattern[str], texts: Mapping[str, int]) -> float:
    return sum(count for text, count in texts.items() if pattern.fullmatch(text)) / max(1, sum(texts.values()))


def _regular(numbers: Sequence[int]) -> bool:
    """Whether numbers count the rows, or are too long to count anything."""
    if len(numbers) < 3:
        return False
    rising = all(a < b for a, b in pairwise(numbers)) and numbers[-1] <= 10 * len(numbers)
    return rising or min(map(abs, numbers)) >= 10**9
