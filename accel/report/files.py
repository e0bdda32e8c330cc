"""The table of the exported files: each one's size, quality, latency and time to a first answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from accel.core.metric import metrics_of
from accel.report.figures import bytes_text, metric_text, ms_text

FIRST_ANSWER = "first answer"
NOTE = "First answer: from the start of a new process, without accel and transformers; in brackets what imports take."


def files_table(record: Mapping[str, Any], without: Collection[str] = ()) -> tuple[list[str], list[list[str]]]:
    """Titles and a row per file; a column that no file has a value for is left out.

    Args:
        without: titles of other columns that are not wanted.
    """
    exports = record.get("exports") or []
    wanted = {title: text for title, text in _columns(record).items() if title not in without}
    columns = {title: [text(export) for export in exports] for title, text in wanted.items()}
    shown = {title: cells for title, cells in columns.items() if any(cells)}
    return list(shown), [list(row) for row in zip(*shown.values(), strict=True)]


def _metric(key: str, text: Callable[[float], str]) -> Callable[[Mapping[str, Any]], str]:
    return lambda export: _text((export.get("metrics") or {}).get(key), text)


def _text(value: Any, text: Callable[[float], str]) -> str:
    return text(value) if isinstance(value, int | float) else ""


def _first_answer(export: Mapping[str, Any]) -> str:
    if "cold_load_ms" not in export:
        return ""
    return f"{export['cold_load_ms'] / 1e3:.2f} s ({export['cold_load_imports_ms'] / 1e3:.2f})"


def _columns(record: Mapping[str, Any]) -> dict[str, Callable[[Mapping[str, Any]], str]]:
    scores = {metric.title: _metric(metric.key, metric_text) for metric in metrics_of(record)}
    return _WHAT | scores | _HOW_FAST


_WHAT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "format": lambda export: str(export["format"]),
    "file": lambda export: str(export["path"]),
    "bytes to ship": lambda export: bytes_text(export["size_bytes"]),
    "max |diff|": lambda export: f"{export['max_abs_diff']:.1e}",
}
_HOW_FAST: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "latency p50": lambda export: _text(export.get("latency_ms_p50"), ms_text),
    FIRST_ANSWER: _first_answer,
}
