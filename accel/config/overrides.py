"""Words as people type them, made into words that Hydra's grammar reads."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

_MEANT = r"[^,\[\]{}()='\":]*"
"""Up to whatever has a meaning in Hydra's grammar."""
_PIECE = re.compile(rf"{_MEANT}(?:[^\x00-\x7f]|[~&#!;<>^`]){_MEANT}")
"""A run of characters with one in it that Hydra's grammar does not know."""

_PLAIN = re.compile(r"[^\W\d][\w./-]*|[./][\w./-]*")
"""A text that is none of Hydra's numbers and has nothing in it that its grammar knows."""
_NO_TEXT = ("null", "true", "false", "nan", "inf")


def quote_unicode(word: str) -> str:
    """Quote what Hydra's grammar cannot read unquoted: it knows ASCII letters and a few other characters only.

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


def override(key: str, value: str | Sequence[str]) -> str:
    """``key=value`` that Hydra reads as exactly this text, or these, quoted only where it must be."""
    if isinstance(value, str):
        return f"{key}={value if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT else quoted(value)}"
    return f"{key}=[{','.join(override('', item)[1:] for item in value)}]"


def no_override(word: str) -> str:
    """What is wrong with a word that Hydra cannot read, and how its value is typed if it is a text as it stands."""
    return (
        f"{word!r} is no override: write key=value, e.g. seed=1 or 'compression=[prune,qat]' "
        f"(quote what your shell would split or expand).{as_text(word)}"
    )


def as_text(word: str) -> str:
    """How a value is typed that is one text, whatever its characters mean to Hydra and to a shell."""
    key, equals, value = word.partition("=")
    if not equals or not re.fullmatch(r"[\w.+/@-]+", key) or not value:
        return ""
    text = f'{key}="{value}"' if "'" in value and not re.search(r'["\\$]', value) else f"{key}={quoted(value)}"
    return f" If the value is one text, quote it for Hydra, and all of it for the shell:\n  {shlex.quote(text)}"
