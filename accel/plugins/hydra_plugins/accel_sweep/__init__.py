"""Where Hydra looks for plugins: names accel's launcher and sweeper; the work is in ``accel.sweep``.

Hydra executes this module without registering it, so a dataclass here must not use postponed annotations.
"""

from dataclasses import dataclass, field
from typing import Optional

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper


class AccelLauncher(Launcher):
    """Each job a process of its own."""

    def __init__(self, **resources) -> None:
        from accel.sweep.launcher import ProcessLauncher
        from accel.sweep.pool import Resources

        self.work = ProcessLauncher(Resources(**resources))

    def setup(self, *, hydra_context, task_function, config) -> None:
        self.work.setup(hydra_context, task_function, config)

    def launch(self, job_overrides, initial_job_idx):
        return self.work.launch(job_overrides, initial_job_idx)

    def run(self, source):
        return self.work.run(source)


class AccelSweeper(Sweeper):
    """A grid in which a key counts only where its option is chosen, or a search."""

    def __init__(self, **config) -> None:
        from accel.sweep.sweeper import AnySweeper

        self.work = AnySweeper(config)

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
    memory_gb: Optional[float] = None
    cores_per_job: Optional[int] = None
    gpus_per_job: Optional[int] = None
    warm: bool = True


@dataclass
class SweeperConfig:
    """Keys of ``hydra.sweeper``."""

    _target_: str = "hydra_plugins.accel_sweep.AccelSweeper"
    params: dict = field(default_factory=dict)
    search: Optional[str] = None
    n_trials: int = 20
    objectives: list[str] = field(default_factory=lambda: ["quality"])
    stopping: Optional[str] = None
    eta: int = 3
    seed: int = 0


ConfigStore.instance().store(group="hydra/launcher", name="accel", node=LauncherConfig, provider="accel")
ConfigStore.instance().store(group="hydra/sweeper", name="accel", node=SweeperConfig, provider="accel")
