"""What a user may ask of Slurm for each job of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_ARRAY = 1000
"""Jobs in one array; Slurm's usual limit is 1001."""


@dataclass(frozen=True, kw_only=True)
class SlurmSettings:
    """``hydra.launcher``, in submitit's words.

    Args:
        array_parallelism: how many jobs run at a time; None leaves that to Slurm, and is refused for a search.
        timeout_min: a job that takes longer is ended.
        max_num_timeout: so often it may go on then, from its checkpoint.
        signal_delay_s: how long before its end it is told.
        additional_parameters: further options of sbatch, without the dashes.
        setup: shell commands before the job, e.g. ``module load``.
        poll_s: how often the queue is asked for jobs that died; those that end are seen at once.
    """

    name: str = "accel"
    partition: str | None = None
    qos: str | None = None
    account: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    timeout_min: int = 60
    nodes: int = 1
    tasks_per_node: int = 1
    cpus_per_task: int = 1
    mem_gb: float | None = None
    gpus_per_node: int | None = None
    gres: str | None = None
    array_parallelism: int | None = None
    max_num_timeout: int = 0
    signal_delay_s: int = 90
    setup: Sequence[str] = ()
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)
    poll_s: float = 15.0

    def parameters(self, job_name: str) -> dict[str, Any]:
        """For submitit's executor."""
        stated = {
            "job_name": job_name,
            "time": self.timeout_min,
            "nodes": self.nodes,
            "ntasks_per_node": self.tasks_per_node,
            "cpus_per_task": self.cpus_per_task,
            "mem": None if self.mem_gb is None else f"{round(self.mem_gb * 1024)}M",
            "array_parallelism": self.array_parallelism or MAX_ARRAY,
            "srun_args": [f"--cpus-per-task={self.cpus_per_task}"],  # since 22.05 srun no longer takes it from sbatch
            "setup": list(self.setup) or None,
            "additional_parameters": {"requeue": True, **self.additional_parameters},
        }
        same = ("partition", "qos", "account", "constraint", "exclude", "gpus_per_node", "gres", "signal_delay_s")
        stated |= {key: getattr(self, key) for key in same}
        return {key: value for key, value in stated.items() if value is not None}
