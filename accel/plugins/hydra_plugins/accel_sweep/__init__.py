"""Where Hydra looks for plugins: names accel's launchers and sweeper; the work is in ``accel.sweep``.

Hydra executes this module without registering it, so a dataclass here must not use postponed annotations.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Optional

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper


class _AnyLauncher(Launcher):
    """Each job a process of its own; a subclass says where."""

    def __init__(self, **settings) -> None:
        from accel.sweep.launcher import JobLauncher

        self.work = JobLauncher(lambda common: self.pool(common, settings))

    @abstractmethod
    def pool(self, common, settings):
        """Where jobs run."""

    def setup(self, *, hydra_context, task_function, config) -> None:
        self.work.setup(hydra_context, task_function, config)

    def launch(self, job_overrides, initial_job_idx):
        return self.work.launch(job_overrides, initial_job_idx)

    def run(self, source):
        return self.work.run(source)


class AccelLauncher(_AnyLauncher):
    """On this machine."""

    def pool(self, common, settings):
        from accel.sweep.local_pool import LocalPool, Resources

        return LocalPool(common, Resources(**settings))


class SlurmLauncher(_AnyLauncher):
    """On a Slurm cluster."""

    def pool(self, common, settings):
        from accel.sweep.slurm_pool import SlurmPool, SlurmSettings

        return SlurmPool(common, SlurmSettings(**settings))


class RayLauncher(_AnyLauncher):
    """On a Ray cluster."""

    def pool(self, common, settings):
        from accel.sweep.ray_pool import RayPool, RaySettings

        return RayPool(common, RaySettings(**settings))


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
class SlurmConfig:
    """Keys of ``hydra.launcher`` with ``hydra/launcher=submitit_slurm``; see ``accel.sweep.slurm_pool``."""

    _target_: str = "hydra_plugins.accel_sweep.SlurmLauncher"
    name: str = "accel"
    partition: Optional[str] = None
    qos: Optional[str] = None
    account: Optional[str] = None
    constraint: Optional[str] = None
    exclude: Optional[str] = None
    timeout_min: int = 60
    nodes: int = 1
    tasks_per_node: int = 1
    cpus_per_task: int = 1
    mem_gb: Optional[float] = None
    gpus_per_node: Optional[int] = None
    gres: Optional[str] = None
    array_parallelism: Optional[int] = None
    max_num_timeout: int = 0
    signal_delay_s: int = 90
    setup: list[str] = field(default_factory=list)
    additional_parameters: dict = field(default_factory=dict)
    poll_s: float = 15.0


@dataclass
class RayConfig:
    """Keys of ``hydra.launcher`` with ``hydra/launcher=ray``; see ``accel.sweep.ray_pool``."""

    _target_: str = "hydra_plugins.accel_sweep.RayLauncher"
    address: Optional[str] = None
    n_jobs: Optional[int] = None
    cores_per_job: int = 1
    gpus_per_job: float = 0
    memory_gb: Optional[float] = None
    timeout_s: Optional[float] = None


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
    finds: list[str] = field(default_factory=list)
    price_per_cpu_hour: Optional[float] = None
    requests_per_month: Optional[float] = None
    cost_per_error: Optional[float] = None
    price_per_gb_month: Optional[float] = None


for name, node in {"accel": LauncherConfig, "submitit_slurm": SlurmConfig, "ray": RayConfig}.items():
    ConfigStore.instance().store(group="hydra/launcher", name=name, node=node, provider="accel")
ConfigStore.instance().store(group="hydra/sweeper", name="accel", node=SweeperConfig, provider="accel")
