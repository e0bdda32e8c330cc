"""Hydra's merge of the shipped groups, made once for each choice of options by each process that runs tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import DefaultsList
from hydra.core.override_parser.types import Override

from accel.config.compose import conf_dir

SHIPPED = {f"file://{conf_dir()}", "pkg://hydra.conf", "structured://"}
"""Where nothing changes while tests run; what a test has written is read each time."""
LIST, MERGE = config_loader_impl.create_defaults_list, ConfigLoaderImpl._compose_config_from_defaults_list
LISTS: dict[tuple[object, ...], DefaultsList] = {}
MERGED: dict[str, Any] = {}


def patch_hydra(patch: pytest.MonkeyPatch, create: Callable[..., DefaultsList] = LIST, merge: Any = MERGE) -> None:
    """Until the patch is undone."""
    patch.setattr(config_loader_impl, "create_defaults_list", _chosen_once(create))
    patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", _merged_once(merge))


def _chosen_once(create: Callable[..., DefaultsList]) -> Callable[..., DefaultsList]:
    """Looks at the files once for each choice; settings play no part in it."""

    def once(repo: Any, config_name: str, overrides_list: Sequence[Override], **how: Any) -> DefaultsList:
        if not _shipped(repo):
            return create(repo=repo, config_name=config_name, overrides_list=overrides_list, **how)
        given = [override for override in overrides_list if not override.is_sweep_override()]
        choices = [o for o in given if repo.group_exists(o.key_or_group) and not isinstance(o.value(), dict)]
        key = (config_name, *sorted(how.items()), *(override.input_line for override in choices))
        if key not in LISTS:
            LISTS[key] = create(repo=repo, config_name=config_name, overrides_list=choices, **how)
        return replace(LISTS[key], config_overrides=[o for o in given if o not in choices])

    return once


def _merged_once(merge: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a copy of what it has merged before."""

    def once(self: ConfigLoaderImpl, defaults: Sequence[Any], repo: Any) -> Any:
        if not _shipped(repo):
            return merge(self, defaults=defaults, repo=repo)
        key = repr(defaults)
        if key not in MERGED:
            MERGED[key] = merge(self, defaults=defaults, repo=repo)
        return copy.deepcopy(MERGED[key])

    return once


def _shipped(repo: Any) -> bool:
    return {source.full_path() for source in repo.get_sources()} <= SHIPPED
