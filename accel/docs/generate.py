"""Writes the pages that are generated: ``python -m accel.docs.generate`` (``make docs`` does it first).

The figures on the page of results stand in ``bench.json`` and nowhere else. ``python -m accel.docs.generate FILE``
takes those that the page shows from the ``bench.json`` that ``make bench`` wrote.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accel.docs.topics import PAGES, option_files
from accel.plan.matrix import cells, markdown

TECHNIQUES = """\
# Techniques and other options

Every option, with its card and its settings; `accel help NAME` prints one of them. This page is written by
`python -m accel.docs.generate` from the options themselves.

The *before* column and the teacher are the dense baseline: the same model fine-tuned without compression, trained once
per content hash and reused (`~/.cache/accel`, or `ACCEL_CACHE`). A technique whose evidence shows no effect fails the
run.
"""

COMPOSING = """\
# What composes with what

Written by `python -m accel.docs.generate` from `accel matrix`; every cell is a test. *if*: with the settings that its
note names. Longer combinations are checked by the same rules: `accel check` says what they object to, before any cost.

"""

FIGURES, RESULTS = Path(__file__).parent / "bench.json", Path(__file__).parent / "results.template"
SHOWN = re.compile(r"\{\{(?P<benchmark>[^|{}]+)\|(?P<name>[^|{}]+)\|(?P<format>[^|{}]+)\}\}")
"""A figure in the template: whose it is, its name, and Python's format of it."""

Figure = dict[str, Any]
"""As ``tests/bench/figures.py`` writes it."""


def figures(file: Path | None = None) -> dict[tuple[str, str], Figure]:
    """By benchmark and name, of which each has one figure, on one machine; the stored ones, or those of a file."""
    every = json.loads((file or FIGURES).read_text("utf8"))
    found = {(figure["benchmark"], figure["name"]): figure for figure in every}
    if len(found) < len(every):
        raise ValueError(
            f"{file or FIGURES} has a figure twice: the page would show either. Keep those of one machine."
        )
    return found


def results() -> str:
    """The page of results."""
    known = figures()
    return SHOWN.sub(
        lambda m: format(known[m["benchmark"], m["name"]]["value"], m["format"]), RESULTS.read_text("utf8")
    )


def take(file: Path) -> None:
    """Replace the stored figures by those of a file, of those that the page shows."""
    known = figures() | figures(file)
    shown = {(m["benchmark"], m["name"]) for m in SHOWN.finditer(RESULTS.read_text("utf8"))}
    kept = [figure for key, figure in known.items() if key in shown]
    FIGURES.write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n", "utf8")


def generated() -> Mapping[str, str]:
    """Name of a page -> its text, as it has to be."""
    cards = "\n".join(option.card().replace("\n## ", "\n### ").replace("# ", "## ", 1) for option in option_files())
    return {
        "techniques": f"{TECHNIQUES}\n{cards}",
        "composing": COMPOSING + markdown(list(cells())) + "\n",
        "results": results(),
    }


def main(files: Sequence[str] = ()) -> None:
    """Write every generated page, with the figures of these files."""
    for file in files:
        take(Path(file))
    for name, text in generated().items():
        (PAGES / f"{name}.md").write_text(text, "utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
