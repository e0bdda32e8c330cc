"""Pieces of HTML that several parts of a page are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def rows(header: Sequence[str], body: Iterable[Sequence[str]], css: str = "") -> str:
    """A table of cells that are already safe HTML; empty without rows."""
    head = "".join(f"<th>{h}</th>" for h in header)
    lines = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in body)
    return f'<div class="scroll"><table class="{css}"><tr>{head}</tr>{lines}</table></div>' if lines else ""
