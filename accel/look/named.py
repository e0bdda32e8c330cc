"""What a task reads of a table that is never guessed, where its user names it: pairs, who took what, plain texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from accel.config.overrides import override
from accel.data.read_table import read_table
from accel.data.script import language_of
from accel.errors import DataError
from accel.look.columns import IDS, Column, columns_of
from accel.look.facts import FIRST_ROWS
from accel.look.names import ASKING, FOUND, GRADES, RATINGS, READ, WRITTEN, means, means_time, means_user
from accel.look.oddities import oddities_of
from accel.look.reading import FINDERS, WRITER, Reading, Wish, open_question, texts_of, told_oddities

WRITES_ENGLISH, WRITES_ANY = "t5_small", "mt5_small"
READS_AS_ENGLISH = frozenset({"English", "Latin script", "no letters"})
"""What the first of them has letters for."""


def named(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """The reading of the task that was typed; none where the values decide.

    Raises:
        DataError: the task reads no file, or which columns it reads is not clear.
    """
    task = wish.typed.get("task")
    if task is None or task in FINDERS:
        return None
    if task not in READERS:
        known = ", ".join(sorted({*FINDERS, *READERS}))
        raise DataError(
            f"{file}: task={task} does not read a file of yours, or not one that could be looked at. Tasks that do: "
            f"{known}."
        )
    return READERS[task](columns, wish, file)


def _found(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    (asking, found), others = _two(columns, wish, file, ASKING, FOUND)
    graded = [c for c in columns if c not in (asking, found) and (c.numeric or c.binary) and means(c, GRADES)]
    notes = [f"{c.name!r} is not read: every row is a right pair. Remove the rows that are none" for c in graded]
    why = f"each {asking.name!r} has to find its {found.name!r}"
    texts = (asking.name, found.name)
    return Reading("retrieval", {"text": list(texts)}, why, texts, notes=notes, others=others)


def _written(columns: Sequence[Column], wish: Wish, file: str) -> Reading:
    (source, target), others = _two(columns, wish, file, READ, WRITTEN)
    languages = {language_of(column.texts[:500]) for column in (source, target)}
    model = WRITES_ENGLISH if languages <= READS_AS_ENGLISH else WRITES_ANY
    why, texts = f"each {target.name!r} has to be written of its {source.name!r}", (source.name, target.name)
    settings = {"engines": ["eager"]}
    return Reading("seq2seq", {"text": list(texts)}, why, texts, model=model, settings=settings, others=others)


def _two(
    columns: Sequence[Column], wish: Wish, file: str, firsts: frozenset[str], seconds: frozenset[str]
) -> tuple[list[Column], dict[str, tuple[str, ...]]]:
    """The two columns of a pair in their order, and how the other order is typed where nothing told it.

    Names tell the order; where they do not, two columns are taken as they stand, and more are refused.
    """
    asked = wish.columns("text")
    if asked and len(asked) != 2:
        raise DataError(f"{file}: task={wish.typed['task']} reads two columns, and task.text names {len(asked)}.")
    if asked:
        return [_called(columns, name, "task.text", file) for name in asked], {}
    texts = [c for c in columns if c.texts and not (c.numeric or c.written_numbers or c.about_the_row or c.binary)]
    if ordered := _ordered(texts, firsts, seconds):
        return ordered, {}
    found = [column for column in texts if column.tells]
    if len(found) == 2:
        one, other = found
        turned = f"{other.name!r} first and {one.name!r} second"
        return found, {turned: (override("task.text", [other.name, one.name]),)}
    if len(found) > 2:
        pairs = [[a, b] for n, a in enumerate(found) for b in found[n + 1 :]]
        words = [(override("task.text", [a.name, b.name]),) for a, b in pairs[:3]]
        raise DataError(open_question("pair", file, words, [f"{c.name!r} holds texts" for c in found], wish))
    raise DataError(
        f"{file}: task={wish.typed['task']} reads two columns of texts, and {len(found) or 'none'} is here. Name them: "
        f"'task.text=[COLUMN,COLUMN]'."
    )


def _ordered(texts: Sequence[Column], firsts: frozenset[str], seconds: frozenset[str]) -> list[Column]:
    """The two that names tell apart; none where names say nothing, or the same of several."""
    ones, others = ([c for c in texts if means(c, known)] for known in (firsts, seconds))
    if len(texts) == 2 and len(ones) + len(others) == 1:
        rest = [column for column in texts if column not in (*ones, *others) and column.tells]
        ones, others = (ones or rest), (others or rest)
    return [*ones, *others] if len(ones) == len(others) == 1 else []


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
    table = read_table(wish.typed["task.items"], "task.items", first=FIRST_ROWS)
    items = columns_of(table)
    try:
        return _of_users(columns, items, wish, file)
    except DataError as error:
        raise DataError(f"{error}{told_oddities(oddities_of(table, items))}") from None


def _of_users(columns: Sequence[Column], items: Sequence[Column], wish: Wish, file: str) -> Reading:
    item = _one(columns, wish, file, "item", _common(columns, items))
    rest = [column for column in columns if column is not item]
    user = _one(rest, wish, file, "user", [column for column in rest if means_user(column)])
    text = _text_of_items([column for column in items if column.name != item.name], wish)
    time = _time(rest, wish, file)
    when = {"timestamp": time.name} if time is not None else {}
    at = f" at {time.name!r}" if time is not None else ""
    why = f"each {user.name!r} took some {item.name!r}{at}, whose text is {text.name!r} of {wish.typed['task.items']}"
    found = {"user": user.name, "item": item.name, "text": text.name, **when}
    notes = list(_unread(rest, wish, timed=time is not None))
    return Reading("recommendation", found, why, elsewhere=text.texts, cuts=False, notes=notes)


def _time(columns: Sequence[Column], wish: Wish, file: str) -> Column | None:
    """The column of times; none where there is none, refused where there are several."""
    found = [c for c in columns if c.about_the_row == "times" or (c.numeric and means_time(c))]
    found = [column for column in found if means_time(column)] or found
    if not found and "task.timestamp" not in wish.typed:
        return None
    return _one(columns, wish, file, "timestamp", found)


def _common(columns: Sequence[Column], items: Sequence[Column]) -> list[Column]:
    """Those that both files have; of several, those that tell the items apart, and of these the numbers of items."""
    other = {column.name: column for column in items}
    found = [column for column in columns if column.name in other]
    telling = [c for c in found if other[c.name].distinct == len(other[c.name].cells)] or found
    named = [column for column in telling if IDS & set(column.words)]
    return named if len(telling) > 1 and named else telling


def _unread(columns: Sequence[Column], wish: Wish, *, timed: bool) -> Iterator[str]:
    """What an owner may believe to be read."""
    if not timed:
        what = "; ".join(f"{c.name!r} holds no times that could be read" for c in columns if means_time(c))
        yield f"No column of times{f' ({what})' if what else ''}: each user's items are put in an order by chance"
    for column in columns:
        if column.numeric and means(column, RATINGS) and "task.rating" not in wish.typed:
            yield (
                f"{column.name!r} is not read: every row is something taken. To leave low ones out, type "
                f"{override('task.rating', column.name)} task.min_rating=N"
            )


def _one(columns: Sequence[Column], wish: Wish, file: str, key: str, found: Sequence[Column]) -> Column:
    if typed := wish.typed.get(f"task.{key}"):
        return _called(columns, typed, f"task.{key}", file)
    if len(found) == 1:
        return found[0]
    some = found or [column for column in columns if not (column.tells or column.about_the_row == "times")] or columns
    if not some:
        raise DataError(f"{file}: no column is left that could be the {key}. Name it: task.{key}=COLUMN.")
    words = [(override(f"task.{key}", column.name),) for column in some]
    raise DataError(open_question(key, file, words, [f"{c.name!r}: {c.holds}" for c in some], wish))


def _text_of_items(columns: Sequence[Column], wish: Wish) -> Column:
    file = wish.typed["task.items"]
    asked = {key: value for key, value in wish.typed.items() if key == "task.text"}
    found = texts_of(columns, replace(wish, typed=asked), file, pairs=False)
    if found and found[0].texts:
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
