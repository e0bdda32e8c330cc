"""A task that ends its process in the way it is told, for the tests of sweeps; given to accel with --plugin."""

import importlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
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

    def load(self, seed: int) -> Dataset:
        if self.marks:
            with Path(self.marks).open("a") as file:
                file.write(f"{seed} {os.getpid()}\n")
        DEATHS[self.how]()
        return super().load(seed)
