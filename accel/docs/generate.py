"""Writes the pages that are generated: ``python -m accel.docs.generate`` (``make docs`` does it first)."""

from __future__ import annotations

from collections.abc import Mapping

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


def generated() -> Mapping[str, str]:
    """Name of a page -> its text, as it has to be."""
    cards = "\n".join(option.card().replace("\n## ", "\n### ").replace("# ", "## ", 1) for option in option_files())
    return {"techniques": f"{TECHNIQUES}\n{cards}", "composing": COMPOSING + markdown(list(cells())) + "\n"}


def main() -> None:
    """Write every generated page."""
    for name, text in generated().items():
        (PAGES / f"{name}.md").write_text(text, "utf8")


if __name__ == "__main__":
    main()
