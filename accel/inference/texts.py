"""What a model is asked, and what it answers; no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accel.data.spelling import mended
from accel.errors import DataError

Text = str | Sequence[str] | Mapping[str, str]
"""A text; a pair as a list, or as a dictionary by column."""


@dataclass(frozen=True)
class Prediction:
    """One text's answer; its parts are attributes too: ``prediction.label`` of a classifier."""

    text: Text
    answer: Mapping[str, Any]
    """As the model's objective gives it."""
    is_cut: bool = False
    """Whether the text was longer than those of training, so that its rest was left out."""

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("answer", {}):
            return self.answer[name]
        raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self.__dict__.get('answer', {}))}")


@dataclass(frozen=True)
class Texts:
    """What a model reads: the names of its columns, and how many they are."""

    columns: tuple[str, ...]
    count: int

    def by_column(self, texts: Sequence[Text]) -> list[list[str]]:
        """Without halves of characters.

        Raises:
            DataError: a text has another number of columns than the model was trained on.
        """
        return [list(map(mended, column)) for column in zip(*map(self.row, texts), strict=True)]

    def row(self, text: Any) -> tuple[str, ...]:
        """The text or the pair, in the order of the columns."""
        row = self._named(text) if isinstance(text, Mapping) else (text,) if isinstance(text, str) else text
        if not isinstance(row, list | tuple) or not all(isinstance(part, str) for part in row):
            raise DataError(f"{text!r} is no text. Give a string, or a list or dictionary of strings for a pair.")
        if len(row) != self.count:
            raise DataError(
                f"This model was trained on {self.count} text column(s), but {text!r} has {len(row)}. "
                f"Give one string per column, as JSON lists in a .jsonl file for pairs."
            )
        return tuple(row)

    def _named(self, text: Mapping[str, Any]) -> list[Any]:
        absent = [name for name in self.columns if name not in text]
        if absent:
            raise DataError(
                f"{dict(text)!r} lacks {', '.join(map(repr, absent))}. This model reads: {', '.join(self.columns)}."
            )
        return [text[name] for name in self.columns]
