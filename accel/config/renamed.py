"""Keys that were called otherwise once: the old names still work, on a command line and in any stored configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any

RENAMED: Mapping[str, str] = {
    "compression.ptq.spare": "compression.ptq.full_precision",
    "compression.ptq.spare_of": "compression.ptq.full_precision_of",
    "compression.qat.spare": "compression.qat.full_precision",
    "compression.qat.spare_of": "compression.qat.full_precision_of",
}
"""The old name of a key -> the one that it has now."""


def current_word(word: str) -> str:
    """An override with the name that its key has now."""
    key, equals, value = word.partition("=")
    name = key.lstrip("+~")
    return key.removesuffix(name) + RENAMED.get(name, name) + equals + value


def rename_keys(config: MutableMapping[str, Any], typed: Collection[str] = ()) -> list[str]:
    """Give a nested configuration, in place, the names that its keys have now.

    Args:
        typed: keys whose value on the command line stands, whatever a file says under the old name.

    Returns:
        The old names that were found.
    """
    found = [old for old in RENAMED if _parent(config, old) is not None]
    for old in found:
        node, new = _parent(config, old), RENAMED[old]
        assert node is not None
        value = node.pop(old.rpartition(".")[2])
        if new not in typed:
            node[new.rpartition(".")[2]] = value
    return found


def note(old: Sequence[str]) -> str:
    """What a user who gave old names is told."""
    return "\n".join(f"Note: {name} is called {RENAMED[name]} now; the old name still works." for name in old)


def _parent(config: MutableMapping[str, Any], key: str) -> MutableMapping[str, Any] | None:
    """The mapping that has the key; None where nothing has."""
    *path, last = key.split(".")
    node: Any = config
    for part in path:
        node = node.get(part) if isinstance(node, MutableMapping) else None
    return node if isinstance(node, MutableMapping) and last in node else None
