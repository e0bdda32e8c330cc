"""The page of ``accel watch``: a bar for each period, and every alarm; it loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from accel.config.redact import printable, redact
from accel.report.markup import document, rows
from accel.report.svg import bar_chart
from accel.watch.watched import Alarm, Period, Watched


def render(found: Sequence[Watched], file: str, by: str, sentences: Sequence[str]) -> str:
    """All labels, those with alarms first."""
    order = sorted(zip(found, sentences, strict=True), key=lambda pair: not pair[0].alarms)
    sections = "".join(_section(one, sentence, by) for one, sentence in order)
    return document("accel watch", f"<h1>What is said more often</h1><p class='meta'>{_safe(file)}</p>{sections}")


def _section(one: Watched, sentence: str, by: str) -> str:
    alarms = rows(("noticed", "since", "texts since then", "share", "the newest"), map(_row, one.alarms))
    chart = bar_chart(f"Share of {_plain(one.label)} by {by}", [_bar(period) for period in one.periods])
    return (
        f"<section><h2 dir='auto'>{_safe(one.label)}</h2><p class='note'>{_safe(sentence)}</p>{alarms}{chart}</section>"
    )


def _row(alarm: Alarm) -> tuple[str, ...]:
    share = f"{alarm.hits / alarm.texts:.0%} ({alarm.hits:,})"
    quoted = "".join(f"<div dir='auto' style='text-align:left'>{_safe(text)}</div>" for text in alarm.examples)
    return alarm.period, alarm.since, f"{alarm.texts:,}", share, quoted


def _bar(period: Period) -> tuple[str, float, str, str]:
    said = "ALARM" if period.alarms else "usual" if period.is_usual else ""
    kind = "alarm" if period.alarms else "dense" if period.is_usual else "after"
    return period.name, period.share, f"{period.share:.0%} of {period.texts:,}  {said}".rstrip(), kind


def _safe(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    return str(redact(printable(text)))
