"""A command line, sorted into flags and overrides."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from accel.config.overrides import quote_unicode
from accel.errors import ConfigError

CONFIG_DIR = ("--config-dir", "-cd")
WITH_VALUE = (*CONFIG_DIR, "--plugin", "--save")
SWITCHES = {"-m": "multirun", "--multirun": "multirun", "--debug": "debug", "--conditional": "conditional"}


@dataclass(frozen=True)
class Arguments:
    """A command line, sorted."""

    overrides: list[str]
    config_dirs: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    multirun: bool = False
    debug: bool = False
    save: Path | None = None
    """Where the choices are written as an experiment."""


def parse(words: Sequence[str]) -> Arguments:
    """Sort a command line into flags and overrides.

    Raises:
        ConfigError: a flag that does not exist, or one without its value.
    """
    overrides: list[str] = []
    dirs: list[str] = []
    plugins: list[str] = []
    switches: set[str] = set()
    save: Path | None = None
    rest = iter(words)
    for word in rest:
        if word in SWITCHES:
            switches.add(SWITCHES[word])
        elif word.split("=", 1)[0] in CONFIG_DIR:
            dirs.append(_value(word, rest))
        elif word.split("=", 1)[0] == "--plugin":
            plugins.append(_value(word, rest))
        elif word.split("=", 1)[0] == "--save":
            save = Path(_value(word, rest)).expanduser()
        elif word.startswith("-"):
            raise ConfigError(f"There is no flag {word}. See accel --help.")
        else:
            overrides.append(quote_unicode(word))
    for folder in dirs:
        if not Path(folder).is_dir():
            raise ConfigError(f"--config-dir {folder}: there is no such folder.")
    if "conditional" in switches:
        from accel.sweep.grid import applies

        overrides = [word for word in overrides if applies(word, overrides)]
    return Arguments(overrides, tuple(dirs), tuple(plugins), "multirun" in switches, "debug" in switches, save)


def split_plugins(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The modules that ``--plugin MODULE`` or ``--plugin=MODULE`` names, and the other words.

    Raises:
        ConfigError: the flag has no value.
    """
    return _split(words, ("--plugin",))


def split_config_dirs(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The folders that ``--config-dir DIR`` names, and the other words.

    Raises:
        ConfigError: the flag has no value.
    """
    return _split(words, CONFIG_DIR)


def _split(words: Sequence[str], flags: Sequence[str]) -> tuple[list[str], list[str]]:
    values: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.split("=", 1)[0] in flags:
            values.append(_value(word, rest))
        else:
            others.append(word)
    return values, others


def flags_and_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags with their values, and the other words."""
    flags: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        (flags if word.startswith("-") else others).append(word)
        if word in WITH_VALUE and (value := next(rest, None)) is not None:
            flags.append(value)
    return flags, others


def flags_last(words: Sequence[str]) -> list[str]:
    """What was typed before the first word that is no flag, behind everything else: ``--debug check`` is a check."""
    rest = iter(words)
    before: list[str] = []
    for word in rest:
        if not word.startswith("-"):
            return [word, *rest, *before]
        before.append(word)
        if word in WITH_VALUE and (value := next(rest, None)) is not None:
            before.append(value)
    return before


def _value(word: str, rest: object) -> str:
    _, found, value = word.partition("=")
    value = value if found else next(rest, "")  # type: ignore[call-overload]
    if not value:
        raise ConfigError(f"{word} needs a value.")
    return value


def load_plugins(plugins: Sequence[str]) -> None:
    """Import the modules a user named; only then may a configuration name their classes.

    The folder where the command was typed comes last, so that nothing in it stands for anything else than a plugin.

    Raises:
        ConfigError: a module that is not there.
    """
    if plugins and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in plugins:
        try:
            import_module(name)
        except ImportError as error:
            raise ConfigError(f"--plugin {name} cannot be imported: {error}.") from error
