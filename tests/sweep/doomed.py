"""A task that ends its process in the way it is told, for the tests of sweeps; given to accel with --plugin."""

import importlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from accel.data import Dataset
from accel.task.text_classification import TextClassification


def segfault():
    import ctypes

    ctypes.string_at(0)


def memory():
    import numpy as np

    return np.ones(2**33)


def missing_module():
    importlib.import_module("nothing_of_that_name")


def disk_full():
    """Small files still fit; a model does not."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))


def raise_():
    raise ValueError("raised on purpose")


def count_steps(file, seed, delay_s):
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    def hook(*ignored):
        time.sleep(delay_s)
        with file.open("a") as out:
            out.write(f"{seed} {os.getpid()}\n")

    register_optimizer_step_pre_hook(hook)


def memory_and_wait():
    taken = bytearray(3 * 2**30)
    time.sleep(600)
    return taken


DEATHS = {
    "none": lambda: None,
    "raise": raise_,
    "sys_exit": lambda: sys.exit(0),
    "os_exit": lambda: os._exit(7),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": segfault,
    "memory": memory,
    "hang": lambda: time.sleep(600),
    "missing_module": missing_module,
    "disk_full": disk_full,
}


@dataclass(kw_only=True)
class Doomed(TextClassification):
    """Leaves a mark, ends as told, or loads a table."""

    how: str = "none"
    marks: str = ""
    steps: str = ""
    """A file that gets the seed and the process of every optimizer step."""
    slow: list[int] = field(default_factory=list)
    delay_s: float = 0.1
    """Before every step of the seeds in ``slow``."""
    greedy: list[int] = field(default_factory=list)
    """Seeds that take 3 GiB and wait."""

    def load(self, seed: int) -> Dataset:
        if self.marks:
            with Path(self.marks).open("a") as file:
                file.write(f"{seed} {os.getpid()}\n")
        if self.steps:
            count_steps(Path(self.steps), seed, delay_s=self.delay_s if seed in self.slow else 0.0)
        if seed in self.greedy:
            memory_and_wait()
        DEATHS[self.how]()
        return super().load(seed)
