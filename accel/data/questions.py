"""Questions with their contexts and answers, from the rows of a table or from SQuAD's own JSON. No torch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from accel.data.lines import lines_of
from accel.data.read_table import READERS
from accel.data.table import Reader, Table
from accel.data.windows import Characters
from accel.errors import DataError

TEXT, START = "text", "answer_start"
"""Keys of an answer, as SQuAD has them."""
SQUAD = ("id", "title", "question", "context", "answers")
"""Columns of its rows."""


@dataclass(frozen=True)
class Columns:
    """What a table calls them."""

    answers: str
    """A column of ``{"text": [...], "answer_start": [...]}``, or of lists of answers."""
    answer: str
    """Without that column, one of a text each."""
    start: str
    """And one that says where it begins in the context, which may be absent."""

    def all(self) -> list[str]:
        """Their names."""
        return [self.answers, self.answer, self.start]


def answers_of(table: Table, contexts: Sequence[str], columns: Columns) -> Iterator[list[Characters]]:
    """Where the answers of every row stand in its context; none where it has no answer.

    An answer without a place is right wherever it stands in the context.

    Raises:
        DataError: naming the line: an answer that does not stand where it is said to, or nowhere.
    """
    for line, context, written in zip(table.lines, contexts, _written(table, columns), strict=True):
        where = f"{table.path}, line {line}"
        found = [place for text, start in _pairs(written, where) for place in _places(context, text, start, where)]
        yield list(dict.fromkeys(found))


def _written(table: Table, columns: Columns) -> Iterator[Any]:
    """What each row says of its answers."""
    if table.name_of(columns.answers) is not None:
        return iter(table.column(columns.answers, "task.answers"))
    if table.name_of(columns.answer) is None:
        raise DataError(
            f"{table.path.name} has neither a column {columns.answers!r} nor a column {columns.answer!r}. Name the one "
            f"with the answers: task.answer=COLUMN. Its columns are: {', '.join(map(repr, table.columns))}."
        )
    texts = table.column(columns.answer, "task.answer")
    if table.name_of(columns.start) is None:
        return iter(texts)
    starts = table.column(columns.start, "task.answer_start")
    return ({TEXT: text, START: start} for text, start in zip(texts, starts, strict=True))


def _pairs(written: Any, where: str) -> Iterator[tuple[str, int | None]]:
    """(answer, where it begins or None) of whatever a row has; blank ones are none."""
    if isinstance(written, list | tuple):
        for item in written:
            yield from _pairs(item, where)
    elif isinstance(written, Mapping):
        yield from _of_mapping(written, where)
    elif isinstance(written, str | None):
        if written and written.strip():
            yield written, None
    elif not _is_nan(written):
        yield str(written), None


def _of_mapping(written: Mapping[str, Any], where: str) -> Iterator[tuple[str, int | None]]:
    if TEXT not in written:
        raise DataError(
            f"{where}: {json.dumps(written, ensure_ascii=False, default=str)[:80]} says no answer. Write "
            f'{{"text": ["an answer"], "answer_start": [12]}}, with empty lists where there is none.'
        )
    texts, starts = written[TEXT], written.get(START)
    if not isinstance(texts, list | tuple):
        texts, starts = [texts], None if starts is None else [starts]
    if starts is None:
        starts = [None] * len(texts)
    if not isinstance(starts, list | tuple) or len(starts) != len(texts):
        count = len(starts) if isinstance(starts, list | tuple) else 1
        raise DataError(f"{where}: {len(texts)} answers and {count} places. Give answer_start for each answer.")
    for text, start in zip(texts, starts, strict=True):
        for answer, _ in _pairs(text, where):
            yield answer, _number(start, where)


def _number(start: Any, where: str) -> int | None:
    """A place, as JSON or a cell has it; SQuAD's -1 and an empty cell say nothing."""
    if start is None or start == "" or _is_nan(start):
        return None
    try:
        number = float(start)
    except (TypeError, ValueError):
        number = 0.5
    if isinstance(start, bool) or not number.is_integer():
        raise DataError(f"{where}: answer_start is {start!r}, not a number of characters. Count from 0.")
    return None if number == -1 else int(number)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _places(context: str, text: str, start: int | None, where: str) -> list[Characters]:
    """Where an answer stands, without white space at its ends."""
    answer = text.strip()
    if start is None:
        found = list(_every(context, answer))
        if not found:
            raise DataError(
                f"{where}: the answer {answer[:60]!r} does not stand in its context, letter by letter. Correct it, or "
                f"leave the answer empty where the context has none."
            )
        return [(begin, begin + len(answer)) for begin in found]
    if not 0 <= start < len(context):
        raise DataError(
            f"{where}: answer_start is {start}, outside of its context of {len(context)} characters. Count from 0."
        )
    if context[start : start + len(text)] != text:
        raise DataError(
            f"{where}: at {start} the context has {context[start : start + len(text)][:60]!r}, not the answer "
            f"{text[:60]!r}. {_elsewhere(context, text)} Count characters from 0, not bytes or tokens."
        )
    begin = start + len(text) - len(text.lstrip())
    return [(begin, begin + len(answer))]


def _every(context: str, answer: str) -> Iterator[int]:
    begin = context.find(answer)
    while begin >= 0:
        yield begin
        begin = context.find(answer, begin + 1)


def _elsewhere(context: str, text: str) -> str:
    found = list(islice(_every(context, text), 3))
    return f"It stands at {', '.join(map(str, found))}." if found else "It stands nowhere in it."


def read_squad(file: Path, asked: Collection[str] | None, first: int | None) -> Table:
    """SQuAD's nested JSON: articles of paragraphs of questions; any other JSON as always.

    A question stands at its number in the file.

    Raises:
        DataError: it is not valid JSON.
    """
    text = "".join(lines_of(file))
    if not text.lstrip().startswith("{") or '"paragraphs"' not in text:
        return READERS[".json"](file, asked, first)
    try:
        articles = json.loads(text)["data"]
        rows = [row for article in articles for row in _rows_of(article)]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON: {error}.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file} has paragraphs, but not as SQuAD has them ({type(error).__name__}: {error}). Write JSON lines "
            f"with a question, a context and answers in each."
        ) from None
    rows = rows[:first]
    return Table(file, list(SQUAD), rows, list(range(1, len(rows) + 1)))


def _rows_of(article: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for paragraph in article["paragraphs"]:
        for asked in paragraph["qas"]:
            none = asked.get("is_impossible", False)
            yield {
                "id": asked.get("id", ""),
                "title": article.get("title", ""),
                "question": asked["question"],
                "context": paragraph["context"],
                "answers": [] if none else asked["answers"],
            }


WITH_SQUAD: Mapping[str, Reader] = {**READERS, ".json": read_squad}
"""Formats of files of questions."""
