"""``--save FILE``: what was typed, as an experiment to commit, so that ``experiment=NAME`` is the same plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from accel.config.arguments import Arguments
from accel.config.compose import GROUPS, compose, list_groups, options_of, plain
from accel.config.redact import redact
from accel.errors import ConfigError

FOLDER = "experiment"
HEAD = "# @package _global_\n"
CHOSEN = tuple(group for group in GROUPS if group not in (FOLDER, "sweep"))
PLACES = ("resume", "sweep", "group")
"""Keys that say where one run went, not what it is."""


def save(file: Path, arguments: Arguments) -> str:
    """Write the experiment; returns the words that run it again.

    Raises:
        ConfigError: not a file of a folder ``experiment``, a name that is taken, a secret, or more than one run.
    """
    _check(file, arguments)
    wanted = compose(arguments.overrides, arguments.config_dirs)
    experiment = as_experiment(plain(wanted), chosen_in(wanted), arguments.config_dirs)
    if redact(experiment) != experiment:
        raise ConfigError(f"--save {file} would write a secret. Give it as ${{oc.env:NAME}}, quoted for your shell.")
    own = str(file.absolute().parent.parent)
    folders = list(dict.fromkeys([*arguments.config_dirs, own]))
    _write(file, f"{HEAD}{yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True)}")
    if _what(compose([f"experiment={file.stem}"], folders)) != _what(wanted):
        file.unlink()
        raise ConfigError(f"--save {file}: an experiment cannot say what was typed. Leave out words with ~ or +.")
    return _words(file, arguments)


def as_experiment(
    settings: Mapping[str, Any], choices: Mapping[str, Any], config_dirs: Sequence[str]
) -> dict[str, Any]:
    """What differs from the defaults: the choices of options, and the settings that these choices do not bring."""
    usual = chosen_in(compose([]))
    other = {group: choice for group, choice in choices.items() if choice != usual[group]}
    words = [f"{group}={_as_word(choice)}" for group, choice in other.items()]
    brought = plain(compose(words, config_dirs))
    defaults = [{f"override /{group}": choice} for group, choice in other.items()]
    return {"defaults": defaults, **_difference(settings, brought, leave_out=PLACES)}


def chosen_in(config: Any) -> dict[str, Any]:
    """Group -> option, or a list of them."""
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    assert isinstance(choices, dict)
    listed = {group: sorted(config[group]) for group in list_groups()}
    return {group: listed.get(group, choices.get(group)) for group in CHOSEN}


def _as_word(choice: Any) -> str:
    return f"[{','.join(choice)}]" if isinstance(choice, list) else str(choice)


def _difference(
    settings: Mapping[str, Any], brought: Mapping[str, Any], leave_out: Sequence[str] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        usual = brought.get(key)
        if key in leave_out or (key in brought and value == usual):
            continue
        found[key] = _difference(value, usual) if isinstance(value, dict) and isinstance(usual, dict) else value
    return found


def _what(config: Any) -> dict[str, Any]:
    return {key: value for key, value in plain(config).items() if key not in PLACES}


def _check(file: Path, arguments: Arguments) -> None:
    if arguments.multirun:
        raise ConfigError("--save writes one run. Leave out -m, and give one value for each key.")
    if file.parent.name != FOLDER or file.suffix != ".yaml":
        raise ConfigError(
            f"--save {file}: name a YAML file in a folder {FOLDER}, e.g. --save my_conf/{FOLDER}/mine.yaml."
        )
    if file.stem in options_of(FOLDER):
        raise ConfigError(f"--save {file}: experiment={file.stem} is accel's own. Give another name.")
    if file.exists():
        raise ConfigError(f"--save {file} is there already. Remove it, or give another name.")


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf8")
    except OSError as error:
        raise ConfigError(f"--save {file} cannot be written ({error.strerror}). Give another file.") from None


def _words(file: Path, arguments: Arguments) -> str:
    folders = list(dict.fromkeys([*arguments.config_dirs, str(file.parent.parent)]))
    flags = [f"--config-dir {folder}" for folder in folders] + [f"--plugin {module}" for module in arguments.plugins]
    return f"accel {' '.join(flags)} experiment={file.stem}"
