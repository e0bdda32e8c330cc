"""Words as people type them, made into words that Hydra's grammar reads."""

from __future__ import annotations

import re

_PIECE = re.compile(r"[^,\[\]{}()='\":]*[^\x00-\x7f][^,\[\]{}()='\":]*")
"""A run of characters with one outside ASCII in it, up to whatever has a meaning in Hydra's grammar."""


def quote_unicode(word: str) -> str:
    """Quote what Hydra's grammar cannot read unquoted: it knows ASCII letters only.

    ``task.train=评论.csv`` becomes ``task.train='评论.csv'``; each item of a list or of a sweep is quoted by
    itself. A value that already holds a quote is left as it is: its author knows the grammar.
    """
    key, equals, value = word.partition("=")
    if not equals or not key.isascii() or "'" in value or '"' in value:
        return word
    return key + equals + _PIECE.sub(lambda found: f"'{found.group()}'", value)


def quoted(text: str) -> str:
    """A value that Hydra reads as exactly this text, whatever its grammar means by the characters in it."""
    literal = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return "'" + re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), literal) + "'"
