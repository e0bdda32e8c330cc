"""The forecast from this machine: the plan's own processes are started, and measure instead of training."""

from __future__ import annotations

import os
from collections.abc import Sequence

from accel.core.console import Console
from accel.core.plan import Plan
from accel.errors import ConfigError, ExitCode
from accel.forecast.device import HERE
from accel.strategy._distributed import Distributed


def forecast_live(plan: Plan, words: Sequence[str]) -> int:
    """Measure what a step costs, and what the processes exchange, on the processes of the plan; rank 0 prints.

    Args:
        words: of the command ``accel check``, for processes that this one has to start.

    Raises:
        ConfigError: the plan is of one process, or other processes were started than it has.
        DataError: the forecast does not know how the strategy spreads a step.
    """
    from accel.process.rank_info import PARENT_VARIABLE, RankInfo, end_with
    from accel.run.start import check_processes, ranks_of

    strategy = plan.strategy
    if not isinstance(strategy, Distributed):
        raise ConfigError(
            f"--forecast={HERE} measures what processes exchange, and strategy={strategy.option_name()} has only one. "
            f"Add strategy=ddp or strategy=fsdp, and strategy.processes=N."
        )
    strategy.spread()
    place = RankInfo.of_environment(os.environ)
    if not place.launcher:
        from accel.process.launch import launch

        return launch(strategy, None, ["check", *words])
    if PARENT_VARIABLE in os.environ:
        end_with(int(os.environ[PARENT_VARIABLE]))
    check_processes(plan, place)
    ranks = ranks_of(plan, place)

    from accel.core.logs import quiet_third_parties
    from accel.forecast.measured import measure
    from accel.forecast.show import print_outlook

    quiet_third_parties()

    console = Console(None, rank=place.rank)
    device, pace = measure(plan, ranks, console)
    if place.leads:
        print_outlook(plan, device, pace)
    return ranks.leave(ExitCode.DONE, together=True)
