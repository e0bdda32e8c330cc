"""Pieces of HTML that several parts of a page are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def rows(header: Sequence[str], body: Iterable[Sequence[str]], css: str = "") -> str:
    """A table of cells that are already safe HTML; empty without rows."""
    head = "".join(f"<th>{h}</th>" for h in header)
    lines = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in body)
    return f'<div class="scroll"><table class="{css}"><tr>{head}</tr>{lines}</table></div>' if lines else ""


def document(title: str, body: str) -> str:
    """A whole page of both, which are safe HTML; it loads nothing and runs nothing."""
    style = Path(__file__).with_name("style.css").read_text("utf8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )
