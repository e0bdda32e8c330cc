"""Where Hydra looks for plugins: names accel's launcher and sweeper; the work is in ``accel.sweep``.

Hydra executes this module without registering it, so a dataclass here must not use postponed annotations.
"""

from dataclasses import dataclass
from typing import Optional

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper


class AccelLauncher(Launcher):
    """Each job a process of its own."""

    def __init__(self, n_jobs: int, timeout_s: Optional[float]) -> None:
        from accel.sweep.launcher import ProcessLauncher

        self.work = ProcessLauncher(n_jobs=n_jobs, timeout_s=timeout_s)

    def setup(self, *, hydra_context, task_function, config) -> None:
        self.work.setup(hydra_context, task_function, config)

    def launch(self, job_overrides, initial_job_idx):
        return self.work.launch(job_overrides, initial_job_idx)


class AccelSweeper(Sweeper):
    """A grid in which a key counts only where its option is chosen."""

    def __init__(self, params: Optional[dict]) -> None:
        from accel.sweep.sweeper import GridSweeper

        self.work = GridSweeper(params)

    def setup(self, *, hydra_context, task_function, config) -> None:
        self.work.setup(hydra_context, task_function, config)

    def sweep(self, arguments):
        return self.work.sweep(arguments)


@dataclass
class LauncherConfig:
    """Keys of ``hydra.launcher``."""

    _target_: str = "hydra_plugins.accel_sweep.AccelLauncher"
    n_jobs: int = 1
    timeout_s: Optional[float] = None


@dataclass
class SweeperConfig:
    """Keys of ``hydra.sweeper``."""

    _target_: str = "hydra_plugins.accel_sweep.AccelSweeper"
    params: Optional[dict] = None


ConfigStore.instance().store(group="hydra/launcher", name="accel", node=LauncherConfig, provider="accel")
ConfigStore.instance().store(group="hydra/sweeper", name="accel", node=SweeperConfig, provider="accel")
