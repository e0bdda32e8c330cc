"""Hydra's own main, for the flags that only it understands: --cfg, --info, --hydra-help, shell completion."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra
from hydra._internal.utils import get_args_parser

from accel.config.compose import compose, conf_dir, prepare_hydra
from accel.config.renamed import current_word
from accel.errors import ConfigError

FOREIGN = ("experimental_rerun", "config_path", "config_name")
"""Flags of Hydra's that take another program's configuration; the first one unpickles it."""


def main(words: Sequence[str]) -> int:
    """Let Hydra answer; it runs no job for these flags.

    Raises:
        ConfigError: a flag that accel has no use for, or a configuration that would run code.
    """
    found = get_args_parser().parse_args(list(words))
    for flag in FOREIGN:
        if getattr(found, flag) is not None:
            raise ConfigError(
                f"--{flag.replace('_', '-')} is refused: accel composes its own configuration. Leave it out."
            )
    prepare_hydra(found.overrides)
    if found.cfg or found.info:
        compose(found.overrides, [found.config_dir] if found.config_dir else [])
    before = sys.argv
    sys.argv = [before[0], *map(current_word, words)]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_never)()
    finally:
        sys.argv = before
    return 0


def _never(config: object) -> None:
    raise AssertionError(f"Hydra started a job for a flag that only prints: {config}")
