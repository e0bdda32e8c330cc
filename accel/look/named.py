"""What a task reads of a table that is never guessed, where its user names it: pairs, who took what, plain texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from accel.config.overrides import override
from accel.data.read_table import read_table
from accel.data.script import language_of
from accel.errors import DataError
from accel.look.columns import Column, columns_of
from accel.look.names import is_pair, means_time, means_user
from accel.look.reading import READ_BY_VALUES, WRITER, Reading, Wish, open_question, texts_of

FIRST_ROWS = 50_000
WRITES_FROM_TEXT = {"English": "t5_small"}
"""The model by the language that it reads and writes."""
WRITES_ANY = "mt5_small"


def named(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """The reading of the task that was typed; none where the values decide.

    Raises:
        DataError: the task reads no file, or which columns it reads is not clear.
    """
    task = wish.typed.get("task")
    if task is None or task in READ_BY_VALUES:
        return None
    if task not in READERS:
        known = ", ".join(sorted({*READ_BY_VALUES, *READERS}))
        raise DataError(
            f"{file}: task={task} does not read a file of yours, or not one that could be looked at. Tasks that do: "
            f"{known}."
        )
    return READERS[task](columns, wish, file)


def _found(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    question, answer = _two(columns, wish, file)
    why = f"each {question.name!r} is to find its {answer.name!r}"
    return Reading("retrieval", _pair(question, answer), why, (question.name, answer.name))


def _written(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    source, target = _two(columns, wish, file)
    model = WRITES_FROM_TEXT.get(language_of([*source.texts[:500], *target.texts[:500]]), WRITES_ANY)
    why = f"{target.name!r} is to be written of {source.name!r}"
    texts = (source.name, target.name)
    return Reading("seq2seq", _pair(source, target), why, texts, model=model, settings={"engines": ["eager"]})


def _pair(one: Column, other: Column) -> Mapping[str, list[str]]:
    return {"text": [one.name, other.name]}


def _two(columns: Sequence[Column], wish: Wish, file: str) -> list[Column]:
    """The two columns of a pair, in the order in which they were typed or stand."""
    asked = wish.columns("text")
    if len(asked) == 2:
        return [_called(columns, name, "task.text", file) for name in asked]
    found = [column for column in columns if column.tells]
    pairs = [[a, b] for n, a in enumerate(found) for b in found[n + 1 :]]
    chosen = next((pair for pair in pairs if is_pair(*pair)), found)
    if len(chosen) == 2:
        return chosen
    if len(found) > 2:
        words = [(override("task.text", [a.name, b.name]),) for a, b in pairs[:3]]
        raise DataError(open_question("pair", file, words, [f"{c.name!r} holds texts" for c in found]))
    raise DataError(
        f"{file}: task={wish.typed['task']} reads two columns of texts, and {len(found) or 'none'} is here. Name them: "
        f"'task.text=[COLUMN,COLUMN]'."
    )


def _called(columns: Sequence[Column], name: str, key: str, file: str) -> Column:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        names = ", ".join(column.name for column in columns)
        raise DataError(f"{file} has no column {name!r} for {key}. Its columns: {names}.")
    return found


def _taken(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    """Who took what, and when; the items' texts stand in a second file."""
    if not wish.typed.get("task.items"):
        raise DataError(
            f"{file}: task=recommendation reads the texts of the items from a second file. Name it: task.items=FILE."
        )
    items = columns_of(read_table(wish.typed["task.items"], "task.items", first=FIRST_ROWS))
    item = _one(columns, wish, file, "item", [c for c in columns if c.name in {other.name for other in items}])
    rest = [column for column in columns if column is not item]
    user = _one(rest, wish, file, "user", [column for column in rest if means_user(column)])
    text = _text_of_items([column for column in items if column.name != item.name], wish)
    time = next((c for c in rest if c.about_the_row == "times" or (c.numeric and means_time(c))), None)
    when = {"timestamp": time.name} if time is not None else {}
    why = f"{user.name!r} took {item.name!r}, whose text is {text.name!r} of {wish.typed['task.items']}"
    found = {"user": user.name, "item": item.name, "text": text.name, **when}
    return Reading("recommendation", found, why, elsewhere=text.texts, cuts=False)


def _one(columns: Sequence[Column], wish: Wish, file: str, key: str, found: Sequence[Column]) -> Column:
    if typed := wish.typed.get(f"task.{key}"):
        return _called(columns, typed, f"task.{key}", file)
    if len(found) == 1:
        return found[0]
    words = [("task=recommendation", override(f"task.{key}", column.name)) for column in found or columns]
    raise DataError(open_question(key, file, words, [f"{c.name!r}: {c.holds}" for c in found or columns]))


def _text_of_items(columns: Sequence[Column], wish: Wish) -> Column:
    file = wish.typed["task.items"]
    found = texts_of(columns, Wish({"task.text": wish.typed.get("task.text", "")}), file, pairs=False)
    if found:
        return found[0]
    raise DataError(f"{file}: no column holds texts of the items. Name it: task.text=COLUMN.")


def _plain_texts(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    task = wish.typed["task"]
    found = texts_of(columns, wish, file, pairs=False)
    if not found:
        raise DataError(f"{file}: no column holds texts. Name it: task.text=COLUMN.")
    model = WRITER if task == "language_modeling" else ""
    why = f"the language of {found[0].name!r} is learned"
    return Reading(task, {"text": found[0].name}, why, (found[0].name,), cuts=False, model=model)


Reader = Callable[[Sequence[Column], Wish, str], Reading]
READERS: Mapping[str, Reader] = {
    "retrieval": _found,
    "seq2seq": _written,
    "recommendation": _taken,
    "language_modeling": _plain_texts,
    "masked_language_modeling": _plain_texts,
}
"""By the task that its user names."""
