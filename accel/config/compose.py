"""From overrides to one composed configuration, with errors that name the nearest right word. No torch here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from accel.config.build import refuse_foreign_code
from accel.config.overrides import as_text, no_override, quoted
from accel.config.redact import learn
from accel.config.renamed import current_word, note, rename_keys
from accel.core.groups import BASES, list_groups
from accel.errors import ConfigError, did_you_mean, nearest

GROUPS = (*BASES, "preset", "experiment", "sweep")
"""The last three hold configuration only."""
HYDRA_GROUPS = "hydra/"
LIST_AS_VALUE = "Cannot merge DictConfig with ListConfig"
"""What OmegaConf says where a file has the names of options as a value."""
PLUGINS = "hydra_plugins"
"""The package in which Hydra looks for plugins."""
RETIRED = {
    (
        "strategy",
        "horovod",
    ): "Horovod is no longer developed. Use strategy=ddp, started by accel itself, torchrun or srun.",
    ("strategy", "fsdp1"): "torch has replaced it by fully_shard (FSDP2). Use strategy=fsdp.",
    (
        "strategy",
        "deepspeed",
    ): "Use strategy=fsdp, which shards what ZeRO-3 shards, and strategy.cpu_offload=true for its offload.",
    ("strategy", "megatron"): "Use strategy=tensor_parallel, which splits layers as Megatron-LM does.",
    ("strategy", "dp"): "torch discourages DataParallel. Use strategy=ddp.",
}
"""Names that people look for, and what does their work here."""


def conf_dir() -> Path:
    """The shipped configuration: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def options_of(group: str, config_dirs: Sequence[str] = ()) -> list[str]:
    """The options a group has, from files alone."""
    folders = [conf_dir() / group, *(Path(d) / group for d in config_dirs)]
    return sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})


def compose(overrides: Sequence[str], config_dirs: Sequence[str] = ()) -> DictConfig:
    """The whole configuration, Hydra's own node included.

    What an experiment sets for an option of a list that the command line leaves out is left out too.

    Args:
        overrides: as typed on the command line.
        config_dirs: the user's own folders of groups, searched after accel's.

    Raises:
        ConfigError: with the nearest right name first.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    prepare_hydra(overrides)
    typed, overrides = overrides, [current_word(word) for word in overrides]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="accel"):
        try:
            config = hydra_compose("config", [*overrides, *search_path(config_dirs)], return_hydra_config=True)
        except (HydraException, OmegaConfBaseException, ValueError) as error:  # ValueError: a group that is null
            raise ConfigError(_explain(error, overrides, config_dirs)) from error
        except YAMLError as error:
            raise ConfigError(f"A configuration file is no YAML: {' '.join(str(error).split())}. Correct it.") from None
        except (AssertionError, AttributeError, KeyError, TypeError) as error:
            if not config_dirs:
                raise
            raise ConfigError(
                f"A file of --config-dir {' '.join(config_dirs)} is no configuration that Hydra can read "
                f"({type(error).__name__}: {error}). Look at its first line and its list of defaults."
            ) from error
    with open_dict(config):
        in_files = rename_keys(config, [_key(word) for word in overrides])
    _tell_renamed((*(_key(old) for old, new in zip(typed, overrides, strict=True) if old != new), *in_files))
    refuse_foreign_code(config)
    _learn_secrets(config)
    chosen = _without_unchosen(config, overrides)
    _require_resolvable(chosen)
    return chosen


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


@cache
def _tell_renamed(old: tuple[str, ...]) -> None:
    """Once in a process, however many jobs it composes."""
    if old:
        print(note(old), file=sys.stderr)  # noqa: T201 - there is no console yet


def _require_resolvable(config: DictConfig) -> None:
    """Every ``${…}`` has a value; Hydra's own are asked for where it runs, but for the folder."""
    own = [(str(key), config, str(key)) for key in config if key != "hydra"]
    if "hydra" in config:
        own.append(("hydra.run.dir", config.hydra.run, "dir"))
    for name, node, key in own:
        _resolve(name, node, key)


def _resolve(name: str, node: DictConfig | ListConfig, key: Any) -> None:
    from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

    if OmegaConf.is_missing(node, key):
        return  # told with what to give
    try:
        value = node[key]
    except InterpolationToMissingValueError:
        return
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0].removeprefix("KeyError raised while resolving interpolation: ").strip('"')
        raise ConfigError(
            f"{name}: {reason.rstrip('.')}. Give a value, or a ${{…}} that has one (a shell expands $ unless quoted)."
        ) from None
    if isinstance(value, DictConfig):
        for inner in value:
            _resolve(f"{name}.{inner}", value, inner)
    elif isinstance(value, ListConfig):
        for number in range(len(value)):
            _resolve(f"{name}[{number}]", value, number)


def _learn_secrets(config: DictConfig) -> None:
    """What an interpolation puts where a secret belongs shall be found in messages too."""
    from omegaconf.errors import OmegaConfBaseException

    for key in config:
        with contextlib.suppress(OmegaConfBaseException):  # told when the value is wanted
            value = config[key] if key != "hydra" else None
            learn((), {key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value})


def prepare_hydra(overrides: Sequence[str]) -> None:
    """Before Hydra is asked anything: it will import accel's plugins only, whatever lies on an import path.

    Hydra imports each module that it finds in any folder ``hydra_plugins``, and each package that a search path names.

    Raises:
        ConfigError: a search path that is a package.
    """
    package = Path(__file__).parents[1]
    folder = package / "plugins" / PLUGINS
    own = [str(folder if folder.is_dir() else package.parent / PLUGINS)]
    if list(getattr(sys.modules.get(PLUGINS), "__path__", ())) != own:
        spec = ModuleSpec(PLUGINS, None, is_package=True)
        spec.submodule_search_locations = own
        sys.modules[PLUGINS] = module_from_spec(spec)
    for override in overrides:
        if "searchpath" in override and "://" in override.replace("file://", ""):
            raise ConfigError(
                f"{override} is refused: Hydra imports a package that its search path names, which runs its code. "
                f"Give folders, with --config-dir DIR."
            )


def search_path(config_dirs: Sequence[str]) -> list[str]:
    """The override that lets Hydra look into the user's own folders too."""
    return [f"hydra.searchpath=[{','.join(_quoted(d) for d in config_dirs)}]"] if config_dirs else []


def plain(config: DictConfig) -> dict:
    """The user's part of the configuration as plain values, unresolved so that no secret is read into it."""
    own = OmegaConf.masked_copy(config, [str(k) for k in config if k != "hydra"])
    return OmegaConf.to_container(own, resolve=False)  # type: ignore[return-value]


def _without_unchosen(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Settings of an option that was not chosen stay if they were typed, so that they are refused."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    typed = {str(o.key_or_group): o.value() for o in OverridesParser.create().parse_overrides(list(overrides))}
    for group in typed.keys() & list_groups():
        value = typed[group]
        chosen = value if isinstance(value, list) else [value]
        named = {key.split(".")[1] for key in typed if key.startswith(f"{group}.")}
        with open_dict(config):
            for name in set(config[group]) - named - {str(option) for option in chosen}:
                del config[group][name]
    return config


def _quoted(folder: str) -> str:
    return quoted(f"file://{Path(folder).resolve()}")


def _explain(error: Exception, overrides: Sequence[str], config_dirs: Sequence[str]) -> str:
    """What is wrong, in the user's words: the first override that names something unknown, else Hydra's own line."""
    for override in overrides:
        problem = _problem(override, overrides, config_dirs)
        if problem:
            return problem
    reason = " ".join(str(error).split()) or " ".join(str(error.__cause__).split())
    listed = " ".join(f"'- override /{group}: [NAME,…]'" for group in list_groups())
    hint = f" A file chooses options of a list among its defaults: {listed}." if LIST_AS_VALUE in reason else ""
    return f"The configuration does not compose: {reason}{hint}"


def _problem(override: str, overrides: Sequence[str], config_dirs: Sequence[str]) -> str | None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides([override])[0]
    except HydraException:
        return no_override(override)
    key = str(parsed.key_or_group)
    if key in GROUPS:
        return _unknown_option(key, parsed.value(), config_dirs)
    if "=" in override and parsed.is_sweep_override():
        return f"{override!r} asks for several runs: add -m, or write a list as {key}=[…].{as_text(override)}"
    return _unknown_key(key, overrides, config_dirs)


def _unknown_option(group: str, value: object, config_dirs: Sequence[str]) -> str | None:
    from hydra.core.override_parser.types import ChoiceSweep

    known = options_of(group, config_dirs)
    if isinstance(value, ChoiceSweep):
        return f"{group} was given several values at once: add -m for a sweep, or write {group}=[a,b] for a list."
    if value in (None, ""):
        meant = f"{group}=[] for none" if group in list_groups() else f"one of {', '.join(known)}"
        return f"{group}={value or ''} names no option: write {meant}."
    for name in value if isinstance(value, list) else [value]:
        if (group, str(name)) in RETIRED and str(name) not in known:
            return f"{group}={name}: {RETIRED[group, str(name)]}"
        if name is not None and str(name) not in known:
            return f"{group}={name}: the group {group} has no option {name!r}. {did_you_mean(str(name), known)}"
    return None


def _unknown_key(key: str, overrides: Sequence[str], config_dirs: Sequence[str]) -> str | None:
    if "." not in key:
        top = [*GROUPS, *_top_level()]
        return None if key in top or key.startswith(HYDRA_GROUPS) else f"{key} does not exist. {did_you_mean(key, top)}"
    groups_only = [o for o in overrides if o.lstrip("+~").split("=", 1)[0] in GROUPS or o.startswith(HYDRA_GROUPS)]
    known = [k for k in _leaves(compose(groups_only, config_dirs)) if not k.endswith("_target_")]
    if key in known:
        return None
    return f"{key} does not exist. {_suggest(key, known)}"


def _suggest(key: str, known: Sequence[str]) -> str:
    """The nearest key of the same option; or what has to be chosen first; or what the option has."""
    prefix, _, name = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in known if k.rpartition(".")[0] == prefix]
    close = nearest(name, siblings)
    if close:
        return f"Did you mean {prefix}.{close[0]}?"
    if siblings:
        return f"{prefix} has: {', '.join(siblings)}."
    elsewhere = nearest(key, [*known, *_keys_in_lists()])
    if not elsewhere:
        return f"Groups: {', '.join(GROUPS)}."
    found = elsewhere[0]
    first = "" if found in known else " It appears with {}=[{}].".format(*found.split(".")[:2])
    return f"{'It' if found == key else f'Did you mean {found}?'}{first.removeprefix(' It') if found == key else first}"


def _keys_in_lists() -> Iterator[str]:
    """Every key of every option of the list groups, chosen or not."""
    for group in list_groups():
        for option in options_of(group):
            for key in _leaves(OmegaConf.load(conf_dir() / group / f"{option}.yaml")):  # type: ignore[arg-type]
                yield f"{group}.{key}"


def _top_level() -> list[str]:
    return [str(k) for k in OmegaConf.load(conf_dir() / "config.yaml") if k != "defaults"]


def _leaves(node: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in node:
        name = f"{prefix}{key}"
        yield name
        if OmegaConf.is_dict(node) and OmegaConf.is_dict(node._get_node(key)):
            child = node._get_node(key)
            if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
                yield from _leaves(child, f"{name}.")
