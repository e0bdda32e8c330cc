"""One run, or a sweep of many, and what is refused or written before it starts."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from accel.config.arguments import Arguments, load_plugins, parse
from accel.errors import ConfigError


def run(words: Sequence[str]) -> int:
    """One run, or a sweep with ``-m``."""
    arguments = parse(words)
    load_plugins(arguments.plugins)
    if arguments.save is not None:
        save_experiment(arguments.save, arguments)
    if arguments.multirun:
        return _sweep(words, arguments)
    require_no_sweep(arguments, "accel", words)
    from accel.run.start import start

    return start(words, arguments)


def save_experiment(file: Path, arguments: Arguments) -> None:
    """Write an experiment that works; what does not is refused before it is written."""
    from accel.config.save import save
    from accel.plan.decide import check_overrides

    check_overrides(arguments.overrides, arguments.plugins, arguments.config_dirs)
    print(f"Written to {file}. The same again: {save(file, arguments)}")  # noqa: T201 - the command's own output


def require_no_sweep(arguments: Arguments, command: str, words: Sequence[str]) -> None:
    """Refuse settings of a sweep, which would do nothing in one run."""
    found = next((w for w in arguments.overrides if w.startswith(("sweep=", "sweep.")) and w != "sweep=none"), None)
    if found is not None:
        raise ConfigError(
            f"{found} is for a sweep, which is many runs, and this is one. Add -m:\n  {command} -m {shlex.join(words)}"
        )


def _sweep(words: Sequence[str], arguments: Arguments) -> int:
    from accel.process.rank_info import RankInfo
    from accel.sweep.entry import run_sweep

    if launcher := RankInfo.of_environment(os.environ).launcher:
        raise ConfigError(
            f"{launcher} started this sweep several times over. A sweep is one command, which starts its jobs and "
            f"their processes by itself: accel -m …"
        )

    return run_sweep(arguments.overrides, arguments.config_dirs, arguments.plugins)
