"""Takes secrets out of whatever is written down: by the key's name, by the value's shape, and inside URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

HIDDEN = "***"
SECRET_WORDS = {"token", "password", "passwd", "secret", "credential", "credentials", "apikey", "auth"}
SECRET_PAIRS = {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key")}
NOT_SECRET_BEFORE_TOKEN = {"pad", "cls", "sep", "mask", "eos", "bos", "unk", "use", "num"}
SECRET_VALUES = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|xox[abp]-[\w-]{10,}"
    r"|wandb_v1_[A-Za-z0-9_]{20,}|local-[0-9a-f]{40}|(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f]))"
)
URL_USER = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s:@]+(?::[^/\s@]*)?@", re.IGNORECASE)
SECRET_ASSIGNMENT = re.compile(r"(?P<name>[\w.]+)(?P<sign>\s*[=:]\s*)(?P<value>[^\s,}\]]+)")


def redact(value: Any) -> Any:
    """A copy of nested values without secrets."""
    if isinstance(value, Mapping):
        return {k: HIDDEN if is_secret_name(str(k)) and _filled(v) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v) for v in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """The text without what looks like a secret: known key formats, user names in URLs, ``password=…``."""
    text = URL_USER.sub(lambda m: f"{m['scheme']}{HIDDEN}@", SECRET_VALUES.sub(HIDDEN, text))
    return SECRET_ASSIGNMENT.sub(
        lambda m: f"{m['name']}{m['sign']}{HIDDEN}" if is_secret_name(m["name"].rsplit(".", 1)[-1]) else m[0], text
    )


def is_secret_name(name: str) -> bool:
    """Whether a key of this name holds a secret: ``api_key`` and ``hf_token`` do, ``pad_token`` does not."""
    words = [w.lower() for w in re.findall(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])", name)]
    if not words:
        return False
    if any(pair in SECRET_PAIRS for pair in pairwise(words)):
        return True
    if words[-1] == "token" and len(words) > 1 and words[0] in NOT_SECRET_BEFORE_TOKEN:
        return False
    return words[-1] in SECRET_WORDS


def _filled(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", HIDDEN)
