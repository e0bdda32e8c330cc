"""``accel check``: whether a plan or a sweep works, what it needs, and what it would take."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from accel.commands.run import require_no_sweep, save_experiment
from accel.config.arguments import load_plugins, parse
from accel.errors import ExitCode

if TYPE_CHECKING:
    from accel.core.plan import Plan

FORECAST, HERE, CONFIG_ONLY = "--forecast", "here", "--config-only"
OPTIONS_FIT = "These options fit each other; files, packages and devices were not looked at. Nothing was started."


def check(words: Sequence[str]) -> int:
    """Check one plan, or every job of a sweep, and what it needs; ``--forecast`` also says what it would take."""
    device, rest = _forecast_flag([word for word in words if word != CONFIG_ONLY])
    config_only = CONFIG_ONLY in words
    arguments = parse(rest)
    load_plugins(arguments.plugins)
    if arguments.save is not None:
        save_experiment(arguments.save, arguments)
    if arguments.multirun:
        from accel.sweep.entry import check_sweep

        return check_sweep(arguments.overrides, arguments.config_dirs, arguments.plugins, config_only=config_only)
    require_no_sweep(arguments, "accel check", words)
    from accel.config.compose import compose
    from accel.plan.decide import decide

    plan = decide(compose(arguments.overrides, arguments.config_dirs), arguments.plugins)
    if device == HERE:
        from accel.forecast.live import forecast_live

        return forecast_live(plan, words)
    print(plan.describe(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))  # noqa: T201
    print(_looked_at(plan, elsewhere=device is not None) if not config_only else OPTIONS_FIT)  # noqa: T201
    if device is not None:
        from accel.forecast.show import print_forecast

        print_forecast(plan, device)
    return ExitCode.DONE


def _looked_at(plan: Plan, *, elsewhere: bool) -> str:
    """What was found of what the plan needs.

    Raises:
        RefusedError: it lacks something.
    """
    from accel.plan.inputs import look

    return "\n".join([*look(plan, here=not elsewhere), "This plan works. Nothing was started."])


def _forecast_flag(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The device that ``--forecast`` or ``--forecast=DEVICE`` names, and the other words."""
    flags = [word for word in words if word.split("=", 1)[0] == FORECAST]
    device = flags[-1].partition("=")[2] or "h100" if flags else None
    return device, [word for word in words if word not in flags]
