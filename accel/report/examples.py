"""The texts that say most about a model, in a file of the run's folder and on its page; never of a private run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from accel.config.redact import printable, redact
from accel.core.durable import write_durably
from accel.report import markup

EXAMPLES = "examples.json"
EXPLAINED = "explanations"
"""Key of the texts that ``accel/report/explanation.py`` shows."""
SIDES = ("before", "after")
TITLES = {"flips": "Changed its mind most", "mistakes": "Most surely wrong"}
LONGEST = 400
"""Characters of a text on the page."""


def may_show(record: Mapping[str, Any]) -> bool:
    """Whether a run's texts may stand in its folder: only where the record says that it was not private."""
    return (record.get("choices") or {}).get("privacy") == "none" and not record.get("privacy")


def write_examples(found: Mapping[str, Any], record: Mapping[str, Any], folder: Path) -> None:
    """Nothing where there are none, or where they may not be shown."""
    if found and may_show(record):
        write_durably(folder / EXAMPLES, json.dumps(redact(found), ensure_ascii=False, indent=1))


def read_examples(record: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """What was written; nothing of a private run, whatever lies in its folder."""
    if not may_show(record):
        return {}
    try:
        return redact(printable(json.loads((folder / EXAMPLES).read_text("utf8"))))
    except (OSError, ValueError):
        return {}


def section(examples: Mapping[str, Any]) -> str:
    """Tables of texts, as HTML."""
    return "".join(f"<h3>{title}</h3>{_table(examples[key])}" for key, title in TITLES.items() if examples.get(key))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    sides = [side for side in SIDES if side in rows[0]]
    lines = [[_text(row), escape(str(row["true"])), *(_side(row, side) for side in sides)] for row in rows]
    return markup.rows(["text", "true", *sides], lines, css="texts")


def _text(row: Mapping[str, Any]) -> str:
    whole = " | ".join(map(str, row["text"]))
    return f'<span dir="auto">{escape(whole[:LONGEST])}{"…" * (len(whole) > LONGEST)}</span>'


def _side(row: Mapping[str, Any], side: str) -> str:
    label = escape(str(row[side]["label"]))
    text = f"{label} {row[side]['confidence']:.2f}"
    return text if row[side]["label"] == row["true"] else f'<span class="lost">{text}</span>'
