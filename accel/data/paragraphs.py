"""A text file's paragraphs as a table of one column."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from accel.data.lines import text_lines
from accel.data.table import Asked, Table


def read_paragraphs(file: Path, asked: Asked = None, first: int | None = None) -> Table:
    """A text file's paragraphs in a column ``text``: what blank lines set apart."""
    del asked
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    open_lines: list[str] = []
    for number, line in enumerate(chain(text_lines(file), [""]), start=1):
        if line.strip():
            open_lines.append(line)
        elif open_lines:
            rows.append({"text": "\n".join(open_lines)})
            lines.append(number - len(open_lines))
            open_lines = []
    return Table(file, ["text"], rows[:first], lines[:first])
