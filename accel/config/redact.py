"""The door for all text that leaves the process: records, pages, logs, trackers, the terminal.

Secrets are taken out by the name of their key, by their shape, and by their value where the environment, the command
line or the configuration gives it a secret's name. A tree is redacted before it is written as JSON or YAML, so that it
stays valid; what is no tree is redacted as text. What others have written loses its control characters on the way in.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import Any, TextIO
from urllib.parse import quote, unquote

HIDDEN = "***"
SECRET_WORDS = {"token", "password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "credential"}
SECRET_WORDS |= {"credentials", "auth", "bearer", "dsn", "jwt", "apikey", "accesskey", "secretkey", "privatekey"}
SECRET_ENDS = ("password", "passwd", "apikey", "authtoken", "accesstoken", "secretkey")
"""Ends of words that are written together: PGPASSWORD."""
SECRET_BEFORE_KEY = {"api", "access", "private", "secret", "signing", "encryption", "account", "storage", "license"}
SECRET_PAIRS = {(word, key) for word in SECRET_BEFORE_KEY for key in ("key", "keys")}
SECRET_PAIRS |= {("connection", "string"), ("conn", "str"), ("webhook", "url")}
QUALIFIERS = {"value", "text", "str", "plain", "old", "new", "prod", "production", "dev", "staging", "test", "b64"}
"""Words after the name of a secret that leave it one."""
OF_TEXT = {"pad", "cls", "sep", "mask", "eos", "bos", "unk", "image", "video", "audio", "special", "class", "register"}
OF_TEXT |= {
    "start",
    "end",
    "first",
    "last",
    "next",
    "per",
    "num",
    "use",
    "each",
    "latent",
    "patch",
    "suppress",
    "prefix",
}
OF_TEXT |= {"by", "one", "speech", "mean", "max", "min", "vision", "separator", "padding", "newline", "prompt"}
"""Words before ``token`` with which it is a piece of text."""
COMMON = {"password", "changeme", "disabled", "required", "optional", "anonymous", "default", "localhost", "unlimited"}
SHORTEST, SHORTEST_WORD = 6, 8
"""Characters of a value that is looked for everywhere; a plain word must be longer."""
REPEATED = 200
"""Characters of texts that come again and again, as the words of a sweep's jobs do."""

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:hf_[A-Za-z0-9]{16,}|(?:sk|rk|pk)[-_](?=[\w-]*\d)[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_\w{20,}|glpat-[\w-]{16,}|A[KS]IA[0-9A-Z]{16}|xox[abeprs]-[\w-]{10,}|AIza[\w-]{30,}|ya29\.[\w-]{16,}"
    r"|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|wandb_v1_\w{20,}|local-[0-9a-f]{40}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|hooks\.slack\.com/services/[\w/]+)"
)
_BEARER = re.compile(r"(?P<kind>\b(?:Bearer|Basic)\s+)[\w.+/=~-]{8,}")
_URL_USER = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?!git@)"
    r"(?P<user>[^\s/:@\"'<>]*:(?!\d{1,5}(?:/|$))[^\s\"'<>]*@|[^\s/@\"'<>]*@)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)(?P<sign>\\?[\"']?\s*[=:]\s*)")
_VALUE = re.compile(
    r"\$\{[^}]*\}|(?P<mark>\\?\")(?:[^\"\\\n]|\\[^\"])*(?P=mark)|'[^'\n]*'|(?:[^\s,}\]\"'<\\]|\\(?!\"))+"
)
_EMPTY = {"", HIDDEN, "null", "None", "none", "true", "false", "True", "False", "???", '""', "''"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MAY_BE_OBEYED = re.compile(rf"\\[bfru]|{_CONTROL.pattern}")
"""In a JSON text: such a character, or an escape that may stand for one."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_learned: set[str] = set()


class Redactor:
    """Takes secrets out of text and of nested values.

    Args:
        values: that are secrets, whatever they look like.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        found = sorted({way for value in values for way in _ways(value)}, key=len, reverse=True)
        self.values = re.compile("|".join(map(_anywhere, found))) if found else None
        self._short = lru_cache(1 << 14)(self._text)
        self._key = lru_cache(1 << 12)(lambda key: self.known(key) if isinstance(key, str) else key)

    def text(self, text: str) -> str:
        """Without what is known for a secret, what looks like one, and what is given a secret's name."""
        return self._short(text) if len(text) < REPEATED else self._text(text)

    def _text(self, text: str) -> str:
        shown = self.known(text)
        return _without_assigned(shown) if "=" in shown or ":" in shown else shown

    def known(self, text: str) -> str:
        """Without values and shapes alone: for pages, which hold code that assigns."""
        if self.values is not None:
            text = self.values.sub(HIDDEN, text)
        text = _BEARER.sub(rf"\g<kind>{HIDDEN}", _SHAPES.sub(HIDDEN, text))
        return _URL_USER.sub(rf"\g<scheme>{HIDDEN}@", text) if "@" in text else text

    def tree(self, value: Any) -> Any:
        """A copy of nested values; tuples become lists."""
        if isinstance(value, Mapping):
            return {self._key(k): _hidden(v) if is_secret_name(str(k)) else self.tree(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(v) for v in value]
        return self.text(value) if isinstance(value, str) else value


def redact(value: Any) -> Any:
    """A copy of nested values without secrets."""
    return redactor().tree(value)


def redact_text(text: str) -> str:
    """The text without secrets."""
    return redactor().text(text)


def redactor() -> Redactor:
    """For what is known now: the environment may have changed, and the configuration may have told more."""
    return _redactor(frozenset(_learned.union(_secrets_of(os.environ))))


@lru_cache(maxsize=8)
def _redactor(values: frozenset[str]) -> Redactor:
    return Redactor(values)


def learn(words: Iterable[str], tree: Any = None) -> None:
    """Remember the values that have a secret's name, to find them where they have none: in messages.

    Args:
        words: of a command line.
        tree: a configuration, with its interpolations replaced.
    """
    for word in words:
        for found in _assigned(word):
            _remember(found[0].strip("\\\"'"))
        _learned.update(_of_urls(word))
    _learn_tree(tree)


def _learn_tree(value: Any, *, secret: bool = False) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _learn_tree(inner, secret=secret or is_secret_name(str(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            _learn_tree(inner, secret=secret)
    elif secret and value is not None:
        _remember(str(value))
    elif isinstance(value, str) and "://" in value:
        _learned.update(_of_urls(value))


def _remember(value: str) -> None:
    if _is_worth_it(value):
        _learned.add(value)


def _secrets_of(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if is_secret_name(name) and _is_worth_it(value):
            yield value
        elif "://" in value:
            yield from _of_urls(value)


def _of_urls(text: str) -> Iterator[str]:
    for found in _URL_USER.finditer(text):
        password = found["user"].rstrip("@").partition(":")[2]
        yield from (way for way in {password, unquote(password)} if _is_worth_it(way))


def _is_worth_it(value: str) -> bool:
    """Whether a value is looked for everywhere: not a number, a common word or a file's name."""
    value = value.strip()
    if len(value) < SHORTEST or value.lower() in COMMON or value.startswith(("${", HIDDEN)):
        return False
    if (value.isalpha() and len(value) < SHORTEST_WORD) or (value.isdigit() and len(value) < SHORTEST_WORD):
        return False
    return not (value[0] in "/~." and ("." in value.rpartition("/")[2] or os.path.exists(value)))


def _ways(value: str) -> Iterator[str]:
    """How a value is written: as it is, in a URL, in JSON, in HTML, and the long lines of a key of many."""
    value = value.strip()
    yield from (value, quote(value, safe=""), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (escape(value), repr(value)[1:-1])
    yield from (line for line in value.splitlines() if len(line) >= 16)


def _anywhere(value: str) -> str:
    """A plain word stands alone; anything else may be part of a name."""
    return rf"(?<!\w){re.escape(value)}(?!\w)" if value.isalpha() or value.isdigit() else re.escape(value)


def _assigned(text: str) -> Iterator[re.Match[str]]:
    """Each value that is given a secret's name in the text."""
    end = 0
    for named in _NAMED.finditer(text):
        if named.start() < end or not is_secret_name(_last(named["name"])):
            continue
        value = _VALUE.match(text, named.end())
        if value is None or value[0] in _EMPTY or _is_prose(named["name"], named["sign"], value[0]):
            continue
        end = value.end()
        yield value


def _without_assigned(text: str) -> str:
    parts, end = [], 0
    for value in _assigned(text):
        mark = re.match(r"\\?[\"']?", value[0])[0]  # type: ignore[index]
        parts += [text[end : value.start()], mark, HIDDEN, mark]
        end = value.end()
    return "".join([*parts, text[end:]]) if parts else text


def _is_prose(name: str, sign: str, value: str) -> bool:
    """``Unexpected token: the end`` names no secret; ``password: hunter2`` does."""
    return sign in (": ", ":") and name.lower() in SECRET_WORDS and not any(c.isdigit() for c in value)


def _last(name: str) -> str:
    return name.rstrip(".-").rsplit(".", 1)[-1]


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a key of this name holds a secret: ``api_key`` and ``HF_TOKEN`` do, ``pad_token`` does not."""
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and words[-1] in QUALIFIERS:
        words.pop()
    if not words:
        return False
    if words[-1] == "token" and OF_TEXT & set(words[:-1]):
        return False
    ends = tuple(pairwise(words))[-1:]
    return words[-1] in SECRET_WORDS or words[-1].endswith(SECRET_ENDS) or any(pair in SECRET_PAIRS for pair in ends)


def _hidden(value: Any) -> Any:
    """All that a secret's name stands for; what is empty or a switch tells nothing."""
    if isinstance(value, Mapping):
        return {k: _hidden(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(v) for v in value]
    return value if value is None or isinstance(value, bool) or value == "" else HIDDEN


def printable(value: Any) -> Any:
    """Nested values of somebody else's, without what a terminal would obey or show in another order."""
    if isinstance(value, str):
        return _CONTROL.sub("", value) if not value.isascii() or not value.isprintable() else value
    if isinstance(value, Mapping):
        return {printable(k): printable(v) for k, v in value.items()}
    return [printable(v) for v in value] if isinstance(value, list) else value


def printable_json(text: str) -> Any:
    """What a JSON text of somebody else's says, ``printable``; where nothing in it could be obeyed, as it stands.

    Raises:
        ValueError: it is no JSON.
    """
    value = json.loads(text)
    return printable(value) if _MAY_BE_OBEYED.search(text) else value


class Guarded:
    """A text stream through which no secret gets.

    Args:
        stream: to write to.
        obeyed: whether control characters get through: for what Rich draws, which has cleaned what it was given.
    """

    def __init__(self, stream: TextIO, *, obeyed: bool = False) -> None:
        self._stream = stream
        self._obeyed = obeyed

    @property
    def rich_proxied_file(self) -> Any:
        """What Rich writes to instead."""
        return Guarded(self._stream, obeyed=True)

    def write(self, text: str) -> int:
        shown = redact_text(text)
        self._stream.write(shown if self._obeyed else _CONTROL.sub(_kept, shown))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _kept(found: re.Match[str]) -> str:
    """Progress bars go back by these."""
    return found[0] if found[0] in "\r\b" else ""


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Nothing that this process prints has a secret in it, a traceback after the last word included."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (s if isinstance(s, Guarded) else Guarded(s) for s in before)  # type: ignore[assignment]
    try:
        yield
    except BaseException:
        sys.excepthook = _tell
        raise
    finally:
        sys.stdout, sys.stderr = before


def _tell(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(redact_text(text))
