"""What was seen of a file, as one page of HTML without anything from a network."""

from __future__ import annotations

from html import escape

from accel.look.look import Look
from accel.report.markup import document, rows

SHOWN = 30
"""Classes, most frequent first."""


def page(found: Look) -> str:
    """Everything of the file is escaped: a hostile name is text here."""
    parts = [
        f"<h1>{escape(found.path)}</h1>",
        f'<p class="headline">{escape(_headline(found))}</p>',
        f"<pre>{escape(found.command())}</pre>",
        "".join(f'<p class="note">{escape(note)}.</p>' for note in found.all_notes()),
        "<h2>Columns</h2>",
        rows(("column", "holds", "empty"), ([escape(c.name), escape(c.holds), str(c.empty)] for c in found.columns)),
        _labels(found),
    ]
    return document(f"{escape(found.path)} - accel", "".join(parts))


def _headline(found: Look) -> str:
    more = " and more" if found.sampled else ""
    return f"{found.rows:,} rows{more}, {found.facts.language}: task={found.reading.task}, for {found.reading.why}."


def _labels(found: Look) -> str:
    if not found.facts.labels:
        return ""
    total = sum(found.facts.labels.values())
    body = [(escape(name), str(n), f"{n / total:.1%}") for name, n in list(found.facts.labels.items())[:SHOWN]]
    return "<h2>Classes</h2>" + rows(("class", "rows", "share"), body)
