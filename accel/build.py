"""The only place where a ``_target_`` of the configuration becomes an object.

A target is code, so it is never resolved by a generic importer: it must be a class that the module itself defines,
derived from the group's base class, inside ``accel.<group>`` or inside a module named with ``--plugin``.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Collection
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from accel.errors import ConfigError, did_you_mean
from accel.technique import Option

O = TypeVar("O", bound=Option)  # noqa: E741 - the option's own type

PACKAGE = Path(__file__).parent


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
    target = node.get("_target_")
    if not isinstance(target, str):
        raise ConfigError(
            f"{key} is set but not chosen (it has no _target_). Choose it, e.g. "
            f"compression=[{key.rsplit('.', 1)[-1]}], or leave its settings out."
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


def _may_import(module: str, group: str, plugins: Collection[str]) -> bool:
    """Whether importing ``module`` runs accel's code or code the user named; no prefix match decides."""
    if module in plugins:
        return True
    package, _, option = module.rpartition(".")
    return package == f"accel.{group}" and option.isidentifier() and (PACKAGE / group / f"{option}.py").is_file()


def _construct(cls: type[O], node: DictConfig, key: str) -> O:
    known = {f.name: f for f in fields(cls)}
    given = {str(k) for k in node if k != "_target_"}
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
