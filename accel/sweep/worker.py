"""The inside of a job's process: what sets it apart from the parent and from the other jobs, then the run itself.

``python -m accel.sweep.worker`` takes its spec, as JSON, from the standard input.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

from accel.errors import ExitCode
from accel.process.rank_info import VARIABLES, told_when_parent_dies
from accel.sweep.job_spec import JobSpec

PRELOAD = "accel.sweep.preload"
TASK_VARIABLES = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_", "PMI_", "PMIX_")
"""Beginnings of what Slurm tells its tasks, which Lightning takes for ranks; a job starts its own ranks."""
KEPT = ("SLURM_CONF",)


def work(spec: JobSpec) -> None:
    """Be the job; the exit code of the process is the exit code of the run."""
    os.setsid()
    _end_with_parent()
    _print_to(spec.output)
    _become_the_command(spec)
    _limit(spec)
    if getattr(sys.modules.get(PRELOAD), "UNSAFE", None):
        os.execv(sys.executable, [sys.executable, "-P", "-m", "accel", *spec.words])
    from accel.cli import main

    sys.exit(main(spec.words))


def _end_with_parent() -> None:
    """Be told to save and stop when the sweep itself is killed; where the system has no such thing, the job ends."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # Ray's workers block the former
    told_when_parent_dies()
    sweep = multiprocessing.parent_process()
    if sweep is not None and sweep.pid != os.getppid():
        # Forked by the sweep's fork server, which lives as long as this process: it says nothing of the sweep's end.
        Thread(target=_stop_after, args=(sweep,), daemon=True).start()


def _stop_after(sweep: BaseProcess) -> None:
    sweep.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _print_to(file: Path) -> None:
    """Point the process's own input and output away from the terminal, also for what it starts."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they live as long as the process
    sys.stdout = open(1, "w", buffering=1, encoding="utf8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf8", closefd=False)  # noqa: SIM115


def _become_the_command(spec: JobSpec) -> None:
    """Look like ``python -m accel WORDS`` to whoever asks: the ranks of a distributed job start from this."""
    from accel.sweep.lock import share

    os.chdir(spec.directory)
    os.environ.clear()
    os.environ.update(spec.environment if spec.is_rank else _of_a_single_run(spec.environment))
    if spec.gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(spec.gpus)
    if spec.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(spec.threads)
    if spec.cores:
        os.sched_setaffinity(0, spec.cores)
    sys.modules["__main__"] = import_module("accel.__main__")
    sys.argv = ["accel", *spec.words]
    if spec.lock is not None and not share(spec.lock, spec.owner):
        sys.exit(ExitCode.SIGTERM)  # the sweep was killed while it started this job


def _of_a_single_run(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name in KEPT or not (name in VARIABLES or name.startswith(TASK_VARIABLES))
    }


def _limit(spec: JobSpec) -> None:
    """Threads and memory: only now, as both concern what has been imported."""
    if spec.threads is not None and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(spec.threads)
    if spec.memory_bytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (spec.memory_bytes, spec.memory_bytes))


if __name__ == "__main__":
    work(JobSpec.from_json(sys.stdin.read()))
