"""What can be learned from a table: a task and its columns, chosen by values, and by names where these leave it open.

What stays open is refused, with the words that decide it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from accel.config.overrides import override
from accel.errors import DataError
from accel.look.columns import Column
from accel.look.names import CONTEXTS, FOUND, QUESTIONS, is_pair, means, names_label, names_text

FIELD_KEYS = (
    "task", "task.text", "task.label", "task.tokens", "task.tags", "task.spans", "task.items", "task.user", "task.item",
    "task.timestamp", "task.rating",
)  # fmt: skip
"""Words of the user that decide what is learned from what."""
LONGER = 2.0
"""A column of texts is clearly the longest one from here on."""
STANDS = 0.95
"""Of the answers, so many stand in their texts word by word."""
WRITER = "smollm2"
"""The model of the packages that writes."""
HINTS = {
    "chat": 'It reads a column of conversations, of turns such as {"role": "user", "content": "…"} in each row. '
    "A prompt and its reply in two columns are for task=seq2seq.",
}
"""What to do with a file that looks like another task's."""
MANY_SWITCHES = 3
"""So many columns of 0 and 1, and nothing else, are the labels of a text."""


@dataclass(frozen=True)
class Reading:
    """A task with its columns; ``why`` says it in words."""

    task: str
    columns: Mapping[str, str | list[str]]
    """Column, or columns, by the task's key."""
    why: str
    texts: tuple[str, ...] = ()
    """The columns that are read."""
    label: str = ""
    """The column of classes; empty where labels are something else."""
    cuts: bool = True
    """Whether a longer text is cut, so that a length has to be found for it."""
    model: str = ""
    """The model that it needs; empty where any that reads the language will do."""
    settings: Mapping[str, list[str]] = field(default_factory=dict)
    """What it needs of other groups."""
    notes: Sequence[str] = ()
    """What its owner may not expect of it."""
    elsewhere: Sequence[str] = ()
    """The texts that are read, where they stand in another file."""
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What else might have been meant, and the words that say so."""


@dataclass(frozen=True)
class Wish:
    """What the user typed of the columns; nothing where the look decides."""

    typed: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    """All that was typed."""
    file: str = ""
    """The file of training."""

    @staticmethod
    def of(words: Sequence[str], file: str = "") -> Wish:
        pairs = (word.partition("=") for word in words)
        typed = {key: value.strip("'\"") for key, _, value in pairs if key in FIELD_KEYS}
        return Wish(typed, tuple(words), file)

    def command(self, words: Sequence[str]) -> str:
        """What was typed with these words, as it is typed in a shell."""
        keys = {word.partition("=")[0] for word in words}
        kept = [word for word in self.words if word.partition("=")[0] not in keys]
        return shlex.join(["accel", self.file, *kept, *words])

    def task(self, name: str) -> bool:
        """Whether a task may be chosen."""
        return self.typed.get("task", name) == name

    def columns(self, key: str) -> list[str]:
        """Those typed for a key; none where nothing was."""
        value = self.typed.get(f"task.{key}", "")
        return [part.strip().strip("'\"") for part in value.strip("[]").split(",") if part.strip()]


def read(columns: Sequence[Column], wish: Wish, file: str, odd: Sequence[str] = ()) -> Reading:
    """The one reading of a table.

    Args:
        odd: what its owner may have to mend first.

    Raises:
        DataError: there is none, or more than one.
    """
    told = told_oddities(odd)
    task = wish.typed.get("task")
    finders = FINDERS[task] if task else dict.fromkeys(finder for some in FINDERS.values() for finder in some)
    for found in finders:
        reading = found(columns, wish, file)
        if reading is not None:
            return reading
    raise DataError(f"{file}: {_nothing(columns, wish)}{told}")


def told_oddities(odd: Sequence[str]) -> str:
    """As sentences behind another one."""
    return "".join(f" {said[0].upper()}{said[1:]}." for said in odd)


def require_typed(columns: Sequence[Column], wish: Wish, file: str, odd: Sequence[str]) -> None:
    """Refuse a column that was typed and is none of the file's.

    Raises:
        DataError: names the columns that there are.
    """
    names = [column.name for column in columns]
    for key in ("text", "label", "tokens", "tags", "spans"):
        for name in wish.columns(key):
            if name not in names:
                told = f"Its columns: {', '.join(names)}.{told_oddities(odd)}"
                raise DataError(f"{file} has no column {name!r} for task.{key} that could be read. {told}")


def _nothing(columns: Sequence[Column], wish: Wish) -> str:
    said = "; ".join(f"{c.name!r}: {c.holds}" for c in columns[:12])
    if "task" in wish.typed:
        task = wish.typed["task"]
        hint = HINTS.get(task, f"What it reads: accel help {task}.")
        return f"no columns were found that task={task} could read ({said}). {hint}"
    return (
        f"no column was found that could be predicted from a text ({said}). Name them: task=text_classification "
        f"task.text=COLUMN task.label=COLUMN; or learn the language alone: task=language_modeling task.text=COLUMN. "
        f"Other tasks are found where they are named: task=retrieval (a question and its answer), task=seq2seq (a text "
        f"and what to write of it), task=recommendation task.items=FILE (who took what)."
    )


def _tagged(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """Lists of tokens with a tag each."""
    del file
    tags = next((c for c in columns if c.lists_tags and c.holds_lists), None)
    if tags is None or not wish.task("token_classification"):
        return None
    tokens = next((c for c in columns if c.lists_words and _as_long(c, tags)), None)
    if tokens is None:
        return None
    why = f"each token of {tokens.name!r} has a tag in {tags.name!r}"
    return Reading("token_classification", {"tokens": tokens.name, "tags": tags.name}, why, (tokens.name,))


def _as_long(one: Column, other: Column) -> bool:
    return [len(row) for row in one.items] == [len(row) for row in other.items]


def _spanned(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """A text and where entities stand in it."""
    spans = next((c for c in columns if c.lists_spans and c.holds_lists), None)
    if spans is None or not wish.task("token_classification"):
        return None
    texts = texts_of(columns, wish, file, pairs=False)
    if len(texts) != 1:
        return None
    (text,) = texts
    why = f"{spans.name!r} says where entities stand in {text.name!r}"
    return Reading("token_classification", {"text": text.name, "spans": spans.name}, why, (text.name,))


def _conversing(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """Conversations, whose replies a language model learns."""
    del file
    turns = next((c for c in columns if c.lists_turns), None)
    if turns is None or not wish.task("chat"):
        return None
    why = f"{turns.name!r} holds conversations, whose replies are learned"
    return Reading("chat", {"messages": turns.name}, why, (turns.name,), cuts=False, model=WRITER)


def _answered(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    """A question, a text, and the part of the text that answers it."""
    del file
    question, context = (
        next((c for c in columns if c.name.strip().casefold() in names), None) for names in (QUESTIONS, CONTEXTS)
    )
    if question is None or context is None or not wish.task("question_answering"):
        return None
    rest = [column for column in columns if column not in (question, context)]
    whole = next((c for c in columns if c.holds_answers), None)
    part = next((c for c in rest if _stands_in(c, context)), None)
    if part is None and wish.typed.get("task") == "question_answering":
        part = next((c for c in rest if c.texts and means(c, FOUND)), None)  # the task tells which row is wrong
    if whole is None and part is None:
        return None
    found: dict[str, str | list[str]] = {"text": [question.name, context.name]}
    if whole is not None:
        found["answers"] = whole.name
    elif part is not None:
        start = next((c.name for c in columns if c.whole and c.words[-1:] == ["start"]), None)
        found |= {"answer": part.name} | ({"answer_start": start} if start else {})
    why = f"{(whole or part or context).name!r} stands in {context.name!r} and answers {question.name!r}"
    return Reading("question_answering", found, why, (question.name, context.name), cuts=False)


def _stands_in(part: Column, whole: Column) -> bool:
    """Whether nearly every text is a part of the one beside it; classes such as yes and no are by chance."""
    if part.holds_lists or part.numeric or part.names_classes:
        return False
    pairs = [(str(a), str(b)) for a, b in zip(part.cells, whole.cells, strict=True) if a is not None and str(a).strip()]
    return bool(pairs) and sum(a in b for a, b in pairs) >= STANDS * len(pairs)


def _labelled(columns: Sequence[Column], wish: Wish, file: str) -> Reading | None:
    texts = texts_of(columns, wish, file)
    if not texts:
        return None
    rest = [column for column in columns if column not in texts]
    found = [r for label in _kinds() for r in label(rest, wish) if wish.task(r.task)] or _trusted(wish)
    if not found:
        return None
    best = found if wish.columns("label") else _by_name(found, columns)
    if len(best) > 1:
        raise DataError(
            open_question("label", file, [_words(reading) for reading in best], [r.why for r in best], wish)
        )
    (reading,) = best
    named = tuple(text.name for text in texts)
    others = {r.why: _words(r) for r in found if r is not reading}
    text = named[0] if len(named) == 1 else list(named)
    columns_of_task = {"text": text, **reading.columns}
    return Reading(reading.task, columns_of_task, reading.why, named, reading.label, others=others)


def _trusted(wish: Wish) -> list[Reading]:
    """What was typed whole needs no look: the task itself says what it cannot read."""
    label, task = wish.columns("label"), wish.typed.get("task", "text_classification")
    if not label or (len(label) > 1 and task != "multi_label"):
        return []
    named: str | list[str] = label[0] if len(label) == 1 else label
    one = label[0] if task == "text_classification" else ""
    return [Reading(task, {"label": named}, f"task.label={wish.typed['task.label']} was typed", label=one)]


Kind = Callable[[Sequence[Column], Wish], Iterator[Reading]]


def _kinds() -> tuple[Kind, ...]:
    return (_switches, _several, _classes, _numbers)


def _asked(columns: Sequence[Column], wish: Wish) -> list[Column]:
    names = wish.columns("label")
    return [column for column in columns if not names or column.name in names]


def _switches(columns: Sequence[Column], wish: Wish) -> Iterator[Reading]:
    """A column of 0 and 1 for each label."""
    found = [column for column in _asked(columns, wish) if column.binary]
    if len(found) > 1:
        names = [column.name for column in found]
        yield Reading("multi_label", {"label": names}, f"{len(found)} columns of 0 and 1 say which labels hold")


def _several(columns: Sequence[Column], wish: Wish) -> Iterator[Reading]:
    """A column of lists, or of words with a sign between."""
    for column in _asked(columns, wish):
        if column.parts:
            sign = {"separator": column.parts} if column.parts != "|" else {}
            why = f"{column.name!r} holds several labels, with {column.parts!r} between"
            yield Reading("multi_label", {"label": column.name, **sign}, why)
        elif column.lists_words:
            yield Reading("multi_label", {"label": column.name}, f"{column.name!r} holds lists of labels")


def _classes(columns: Sequence[Column], wish: Wish) -> Iterator[Reading]:
    for column in _asked(columns, wish):
        if (column.names_classes and not column.measures) or (wish.columns("label") and _suits_classes(column, wish)):
            why = f"{column.name!r} has {column.distinct} classes"
            yield Reading("text_classification", {"label": column.name}, why, label=column.name)


def _suits_classes(column: Column, wish: Wish) -> bool:
    """What is asked for by name need not look like classes, where nothing else can be made of it."""
    wanted = wish.typed.get("task") == "text_classification"
    return wanted or not (column.measures or column.parts or column.holds_lists)


def _numbers(columns: Sequence[Column], wish: Wish) -> Iterator[Reading]:
    wanted = wish.typed.get("task") == "regression"
    for column in _asked(columns, wish):
        if column.measures or (wanted and column.numeric):
            yield Reading("regression", {"label": column.name}, f"{column.name!r} holds numbers, not classes")


def _by_name(found: Sequence[Reading], columns: Sequence[Column]) -> list[Reading]:
    """Those whose columns are called labels; columns of 0 and 1 together where they are all there is."""
    by_name = {column.name: column for column in columns}
    ranks = [_called(reading, by_name) for reading in found]
    best = [reading for reading, rank in zip(found, ranks, strict=True) if rank == max(ranks)]
    if max(ranks) == 0:
        switches = [r for r in found if isinstance(r.columns["label"], list)]
        inside = switches[0].columns["label"] if switches else []
        if len(inside) >= MANY_SWITCHES and all(r.label in inside for r in found if r not in switches):
            return switches
    return best


def _called(reading: Reading, columns: Mapping[str, Column]) -> int:
    label = reading.columns["label"]
    return names_label(columns[label]) if isinstance(label, str) else 0


def texts_of(columns: Sequence[Column], wish: Wish, file: str, *, pairs: bool = True) -> list[Column]:
    """One column, or the two of a pair.

    Raises:
        DataError: several could be meant.
    """
    asked = wish.columns("text")
    if asked:
        return [column for column in columns if column.name in asked]
    found = [column for column in columns if column.tells and column.name not in wish.columns("label")]
    pair = next(([a, b] for n, a in enumerate(found) for b in found[n + 1 :] if pairs and is_pair(a, b)), None)
    if pair is not None:
        return pair
    found.sort(key=lambda column: -column.width)
    clear = [c for c in found[:1] if all(c.width >= LONGER * other.width for other in found[1:])]
    named = [c for c in found if names_text(c) == max(map(names_text, found)) > 0]
    chosen = clear or (named if len(named) == 1 else [column for column in columns if column in found])
    if len(chosen) > 1:
        names = [chosen[0].name, chosen[1].name]
        words = [(override("task.text", value),) for value in (*names, names)]
        raise DataError(open_question("text", file, words, [f"{c.name!r} holds texts" for c in chosen], wish))
    return chosen


def _words(reading: Reading) -> tuple[str, ...]:
    """What to type to have this reading."""
    return (f"task={reading.task}", override("task.label", reading.columns["label"]))


def open_question(what: str, file: str, words: Sequence[Sequence[str]], why: Sequence[str], wish: Wish) -> str:
    """Which column is meant, and the commands that say so."""
    typed = "\n".join(f"  {wish.command(some)}" for some in words)
    return f"{file}: which column is the {what} is not clear ({'; '.join(why)}). Type one of:\n{typed}"


Finder = Callable[[Sequence[Column], Wish, str], Reading | None]
FINDERS: Mapping[str, tuple[Finder, ...]] = {
    "token_classification": (_tagged, _spanned),
    "chat": (_conversing,),
    "question_answering": (_answered,),
    "text_classification": (_labelled,),
    "multi_label": (_labelled,),
    "regression": (_labelled,),
}
"""By task, the first that may be meant first; values tell them apart."""
