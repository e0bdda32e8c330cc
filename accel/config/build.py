"""The only place where a ``_target_`` of the configuration becomes an object, or is let through to Hydra.

A target is code, so it is never resolved by a generic importer: it must be a class that the module itself defines,
derived from the group's base class, inside ``accel.<group>`` or inside a module named with ``--plugin``. Hydra builds
the launcher and the sweeper of a sweep by itself, from its own node; it gets accel's own and nothing else.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Collection, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from accel.core.groups import list_groups
from accel.core.option import Option
from accel.errors import ConfigError, did_you_mean

O = TypeVar("O", bound=Option)  # noqa: E741 - the option's own type

PACKAGE = Path(__file__).parents[1]
TARGET = "_target_"
HYDRA_PLUGIN = "hydra_plugins.accel_sweep."
BUILT_BY_HYDRA = ("launcher", "sweeper")
"""Keys of the node ``hydra`` whose target Hydra builds, with all that is inside."""
LOGGING = ("job_logging", "hydra_logging")
CALLED_BY_LOGGING = ("()", "class", "handlers", "filters", "formatters")
"""Keys by which ``logging.config`` is told what to import and call."""
OPTION = re.compile(rf"(?!hydra$)\w+|(?:{'|'.join(list_groups())})\.\w+")
"""Where a target may stand, which ``build`` decides on: in a group's node, or in one of several options of a group."""


def build(node: DictConfig, base: type[O], key: str, plugins: Collection[str] = (), *, name: str | None = None) -> O:
    """Turn one config node into the option it describes.

    Args:
        node: the option's keys and its ``_target_``.
        base: the group's base class, which the target must derive from.
        key: where the node stands in the config, for messages (``compression.prune``).
        plugins: modules outside accel that the user named on the command line.
        name: of the YAML file that was chosen, which is the option's name.

    Raises:
        ConfigError: a target that is not allowed, an unknown key, a missing or mistyped value.
    """
    if not isinstance(node, DictConfig):
        raise ConfigError(f"{key} is {node!r:.40}, and its settings have to be keys with values: {key}.NAME=VALUE.")
    target = node.get(TARGET)
    if not isinstance(target, str):
        chosen = f"{base.group}=[{key.rsplit('.', 1)[-1]}]" if base.several else f"{base.group}=…"
        raise ConfigError(
            f"{key} is set but not chosen (it has no _target_). Choose it, e.g. {chosen}, or leave its settings out."
        )
    cls = resolve(target, base, key, plugins)
    option = _construct(cls, node, key)
    return option.chosen_as(name) if name else option


def resolve(target: str, base: type[O], key: str, plugins: Collection[str] = ()) -> type[O]:
    """The class a target names, if it is allowed to be one."""
    module_name, _, class_name = target.rpartition(".")
    if not _may_import(module_name, base.group, plugins):
        raise ConfigError(
            f"{key}._target_={target} is refused: options of {base.group} live in accel.{base.group}, or in a module "
            f"named on the command line with --plugin. Add --plugin {module_name or 'MODULE'} if you trust that code."
        )
    cls = getattr(importlib.import_module(module_name), class_name, None)
    if not (inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module_name):
        raise ConfigError(
            f"{key}._target_={target} is refused: {class_name!r} is not a {base.__name__} class that {module_name} "
            f"defines itself."
        )
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise ConfigError(
            f"{key}._target_={target} is refused: {class_name} does not define {', '.join(missing)}, which every "
            f"option of {base.group} needs. See: accel help extending."
        )
    return cls


def refuse_foreign_code(config: DictConfig) -> None:
    """Look at a whole composed configuration before anything, Hydra included, builds an object from it.

    Args:
        config: with Hydra's own node.

    Raises:
        ConfigError: a target where accel builds nothing, one that Hydra would build, or what logging would call.
    """
    for path, key, value in _words(OmegaConf.to_container(config, resolve=False)):
        if key == TARGET and not OPTION.fullmatch(path) and path.removeprefix("hydra.") not in BUILT_BY_HYDRA:
            raise _foreign(f"{path}.{TARGET}={value}")
    hydra = config.get("hydra") or OmegaConf.create()
    if callbacks := hydra.get("callbacks"):
        raise _foreign(f"hydra.callbacks={callbacks}")
    for name in BUILT_BY_HYDRA:
        _require_own(f"hydra.{name}", _resolved(hydra.get(name), f"hydra.{name}"))
    for name in LOGGING:
        for path, key, value in _words(_resolved(hydra.get(name), f"hydra.{name}"), f"hydra.{name}"):
            if key in CALLED_BY_LOGGING or str(value).startswith(("ext://", "cfg://")):
                raise _foreign(f"{path}.{key}={value}")


def _require_own(path: str, node: Any) -> None:
    """A launcher or sweeper of accel's, with nothing inside that Hydra would build on the way."""
    for where, key, value in _words(node, path):
        own = where == path and key == TARGET and str(value).startswith(HYDRA_PLUGIN)
        if key.startswith("_") and not own:
            raise _foreign(f"{where}.{key}={value}")


def _resolved(node: Any, path: str) -> Any:
    """With every interpolation replaced, as Hydra will see it."""
    try:
        return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {_first_line(error)}.") from error


def _words(node: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path of the mapping, key, value) for every key at any depth, inside lists too."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield path, str(key), value
            yield from _words(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _words(value, f"{path}[{number}]")


def _foreign(what: str) -> ConfigError:
    return ConfigError(
        f"{what:.300} is refused: it would let a configuration run code of its own. Leave it out; options of your own "
        f"are classes in a module named with --plugin, and a sweep is started by hydra/launcher=accel, submitit_slurm "
        f"or ray."
    )


def _may_import(module: str, group: str, plugins: Collection[str]) -> bool:
    """Whether importing ``module`` runs accel's code or code the user named; no prefix match decides."""
    if module in plugins:
        return True
    package, _, option = module.rpartition(".")
    is_option = option.isidentifier() and not option.startswith("_")  # else it is a helper of options
    return package == f"accel.{group}" and is_option and (PACKAGE / group / f"{option}.py").is_file()


def _construct(cls: type[O], node: DictConfig, key: str) -> O:
    known = {f.name: f for f in fields(cls)}
    given = {str(k) for k in node if k != TARGET}
    for name in sorted(given - set(known)):
        raise ConfigError(f"{key}.{name} does not exist. {did_you_mean(name, known)}")
    for name, field in known.items():
        absent = name not in given and field.default is MISSING and field.default_factory is MISSING
        if absent or (name in given and OmegaConf.is_missing(node, name)):
            raise ConfigError(f"{key}.{name} must be given: add {key}.{name}=… to the command line.")
    try:
        keys = OmegaConf.masked_copy(node, sorted(given))
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), keys))  # type: ignore[return-value]
    except MissingMandatoryValue as error:
        raise ConfigError(f"{key}: {_first_line(error)}") from error
    except OmegaConfBaseException as error:
        raise ConfigError(f"{_full_key(error, key)}: {_first_line(error)}.") from error


def _full_key(error: OmegaConfBaseException, key: str) -> str:
    """The message's own key is relative to the node; the user typed the whole one."""
    return f"{key}.{error.full_key}" if error.full_key else key


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error).splitlines()[0])
