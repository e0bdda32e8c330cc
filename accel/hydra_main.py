"""Hydra's own main, for the flags that only it understands: --cfg, --info, --hydra-help, shell completion."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra

from accel.compose import conf_dir


def main(words: Sequence[str]) -> int:
    """Let Hydra answer; it runs no job for these flags."""
    before = sys.argv
    sys.argv = [before[0], *words]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_never)()
    finally:
        sys.argv = before
    return 0


def _never(config: object) -> None:
    raise AssertionError(f"Hydra started a job for a flag that only prints: {config}")
