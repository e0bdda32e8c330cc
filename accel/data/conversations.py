"""Conversations from files: every turn checked, each conversation one text that holds its turns. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from accel.data.columns import groups_of
from accel.data.content import Row
from accel.data.examples import Example, Tally, relocated, unique
from accel.data.read_table import READERS, read_table
from accel.data.spelling import LONE, mended
from accel.data.table import Table
from accel.errors import DataError, did_you_mean

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ROLES = {SYSTEM: SYSTEM, USER: USER, ASSISTANT: ASSISTANT, "human": USER, "gpt": ASSISTANT}
"""As files spell them: those of chat templates, and those of ShareGPT."""
TOOLS = ("tool", "function", "function_call", "observation", "ipython")
COLUMNS = ("messages", "conversations")
"""Where turns stand if nobody says where; the first that the file has."""
KEYS = (("role", "content"), ("from", "value"))
"""What a turn's role and words stand under."""
SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
Turn = dict[str, str]


def conversation(turns: Sequence[Turn]) -> str:
    """The text that stands for a conversation: its turns as JSON."""
    return json.dumps(list(turns), ensure_ascii=False)


def turns_of(text: str) -> list[Turn]:
    """The turns that a text stands for."""
    return json.loads(text)


def row_of(text: str) -> Row:
    """A conversation as a part of some data, and what else of it could be read somewhere: every turn."""
    return Row((text,), (text,), tuple(turn["content"] for turn in turns_of(text)))


def read_conversations(path: str, key: str, column: str | None, split_by: str | None, tally: Tally) -> list[Example]:
    """The different conversations of a file.

    Args:
        path: as the user gave it.
        key: the config key it stands under, for messages.
        column: that holds the turns; one of ``COLUMNS`` when absent.
        split_by: the column of what stays in one split, such as a customer; None where each goes by itself.
        tally: of what happened to the rows.

    Raises:
        DataError: whatever is wrong with the file or a turn; with the line, the reason and the remedy.
    """
    table = read_table(path, key, {suffix: READERS[suffix] for suffix in SUFFIXES})
    tally.note(table.notes)
    name = column or next((c for c in COLUMNS if table.name_of(c)), COLUMNS[0])
    cells = table.column(name, "task.messages")
    groups = groups_of(table, split_by) if split_by else [""] * len(cells)
    texts = [_text(f"{table.path}, line {line}", name, cell) for cell, line in zip(cells, table.lines, strict=True)]
    _note_broken(texts, table, tally)
    found = [
        Example((mended(text),), "", f"line {line}", group)
        for text, line, group in zip(texts, table.lines, groups, strict=True)
    ]
    return relocated(unique(found, tally), str(path))


def _note_broken(texts: Sequence[str], table: Table, tally: Tally) -> None:
    broken = [line for text, line in zip(texts, table.lines, strict=True) if LONE.search(text)]
    if broken:
        tally.notes.append(
            f"{len(broken)} conversation{'s' * (len(broken) > 1)} of {table.path.name} with half a character (a lone "
            f"surrogate), which is replaced; first in line {broken[0]}"
        )


def _text(where: str, column: str, cell: Any) -> str:
    if not isinstance(cell, list | tuple):
        raise DataError(
            f"{where}: column {column!r} holds a {type(cell).__name__}, not a list of turns. Write "
            f'[{{"role": "user", "content": "…"}}, {{"role": "assistant", "content": "…"}}], or choose another column '
            f"with task.messages."
        )
    if not cell:
        raise DataError(f"{where}: the conversation has no turn. Remove the line.")
    turns = [_turn(f"{where}, turn {number}", turn) for number, turn in enumerate(cell, start=1)]
    _check_order(where, [turn["role"] for turn in turns])
    return conversation(turns)


def _turn(where: str, turn: Any) -> Turn:
    if not isinstance(turn, Mapping):
        raise DataError(
            f'{where} is a {type(turn).__name__}, not an object. Write {{"role": "user", "content": "…"}} for each.'
        )
    role_key, words_key = next((keys for keys in KEYS if any(key in turn for key in keys)), KEYS[0])
    if role_key not in turn:
        raise DataError(f"{where} has no {role_key!r}, so nobody knows who speaks. Add it: user or assistant.")
    words = turn.get(words_key)
    if turn.get("tool_calls") or turn[role_key] in TOOLS:
        raise DataError(
            f"{where} calls a tool, or is what one answered, and accel teaches replies in words alone. Remove the "
            f"conversation, or write what the tool said into a turn of the user."
        )
    if words_key not in turn or words is None:
        raise DataError(f"{where} has no {words_key!r}, so nothing is said. Add it, or remove the turn.")
    if not isinstance(words, str):
        raise DataError(
            f"{where}: {words_key!r} holds a {type(words).__name__}, not a text. Models here read text alone: write it "
            f"as one string."
        )
    if not words.strip():
        raise DataError(f"{where} is empty. Write what is said, or remove the turn.")
    return {"role": _role(where, turn[role_key]), "content": words.strip()}


def _role(where: str, said: Any) -> str:
    role = ROLES.get(str(said).strip().lower())
    if role is None:
        raise DataError(f"{where}: nobody is called {said!r}. {did_you_mean(str(said), list(ROLES))}")
    return role


def _check_order(where: str, roles: Sequence[str]) -> None:
    """A system turn or none, and then user and assistant in turn, the assistant last."""
    start = roles[0] == SYSTEM
    for number, role in enumerate(roles[start:], start=1 + start):
        expected = ASSISTANT if (number - start) % 2 == 0 else USER
        if role == expected:
            continue
        if role == SYSTEM:
            raise DataError(f"{where}, turn {number}: a system turn stands in the middle. Only the first may be one.")
        if number == 1 + start:
            raise DataError(f"{where}, turn {number}: the assistant begins. Write first what it replies to.")
        raise DataError(
            f"{where}, turn {number}: two turns of the {role} follow each other. Join them into one, or add what was "
            f"said between."
        )
    if roles[-1] != ASSISTANT:
        raise DataError(
            f"{where} ends with a turn of the {roles[-1]}, to which there is no reply to learn. Remove the turn, or "
            f"add the reply."
        )
