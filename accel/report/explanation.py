"""Whether the same words move the answers before and after, in words and in coloured texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from accel.report.coloured import coloured, key
from accel.report.examples import EXPLAINED, SIDES

Record = Mapping[str, Any]


def section(record: Record, texts: Mapping[str, Any]) -> str:
    """How far explanations moved on average, and the texts where they moved most, as HTML.

    Args:
        texts: that may be shown; the rest of a run without any is told all the same.
    """
    found = record.get("explanation")
    if not found:
        return ""
    shown = texts.get(EXPLAINED) or []
    means = f"A word's number is how far the logit falls without it ({found['method']})."
    told = f'<p>{escape(_sentence(found))}</p><p class="note">{escape(means)}</p>'
    least = f"<h3>Least alike</h3>{key(has_sign=True)}" if shown else ""
    return told + least + "".join(map(_text, shown))


def _sentence(found: Mapping[str, Any]) -> str:
    said = f"Of the words that move an answer most, at most {found['top']} in a text, "
    said += f"{_share(found)} are the same before and after"
    if "rank_correlation" in found:
        said += f"; the numbers of all words have a rank correlation of {found['rank_correlation']:.2f}"
        said += " ({:.2f} to {:.2f})".format(*found["rank_correlation_interval"])
    return f"{said}. Of {found['texts']} test texts drawn by chance, with 95 % intervals."


def _share(found: Mapping[str, Any]) -> str:
    low, high = found["overlap_interval"]
    return f"{found['overlap']:.0%} ({low:.0%} to {high:.0%})"


def _text(row: Mapping[str, Any]) -> str:
    alike = f"rank correlation {row['rank_correlation']:.2f}, " if row["rank_correlation"] is not None else ""
    alike += f"{round(row['overlap'] * row['top'])} of the {row['top']} most important words are the same"
    lines = "".join(
        f'<div class="side"><span class="note">{side}: <bdi>{escape(_said(row[side]["answer"]))}</bdi></span>'
        f"<div>{_coloured(row['text'], row[side])}</div></div>"
        for side in SIDES
    )
    return (
        f'<div class="explained"><p class="note">For <b><bdi>{escape(str(row["target"]))}</bdi></b>: {alike}.</p>'
        f"{lines}</div>"
    )


def _coloured(columns: Sequence[str], side: Mapping[str, Any]) -> str:
    return coloured(columns, side["words"], side["attributions"], side["spans"])


def _said(answer: Mapping[str, Any]) -> str:
    """An answer's label with its score, or what there is of one."""
    return " ".join(f"{value:.2f}" if isinstance(value, float) else _plain(value) for value in answer.values())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("text") or value.get("label") or "")
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)
