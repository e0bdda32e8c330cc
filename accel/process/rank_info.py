"""Where this process stands among those of its run: what torchrun, srun or accel itself say in the environment."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from accel.errors import ConfigError

TORCH_VARIABLES = (
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "NODE_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
)
"""What torchrun sets for every process, and accel for those that it starts or that srun started."""
FOLDER_VARIABLE, PARENT_VARIABLE = "ACCEL_RUN_FOLDER", "ACCEL_PARENT"
"""The run's folder and the process that watches, for processes that accel itself started."""
TORCHRUN_VARIABLES = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_USE_AGENT_STORE")
SRUN_VARIABLES = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE")
VARIABLES = (*TORCH_VARIABLES, FOLDER_VARIABLE, PARENT_VARIABLE, *TORCHRUN_VARIABLES, *SRUN_VARIABLES)
"""Whoever starts a run of its own takes these out of its environment."""
PR_SET_PDEATHSIG = 1
FIRST_PORT, NUM_PORTS = 15000, 15000
"""Below the ports that systems hand out by themselves."""


@dataclass(frozen=True)
class RankInfo:
    """One of the processes of a run; the only one by default."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_size: int = 1
    """How many of them are on this machine."""
    node_rank: int = 0
    launcher: str = ""
    """``torchrun``, ``srun`` or ``accel``; empty for a process that nobody started as one of several."""

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> RankInfo:
        """Read what the launcher says; a step of srun with one task is a process alone."""
        if {"RANK", "LOCAL_RANK", "WORLD_SIZE"} <= set(variables):
            return cls._of_torchrun(variables)
        if int(variables.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_PROCID" in variables:
            return cls._of_srun(variables)
        return cls()

    @classmethod
    def _of_torchrun(cls, variables: Mapping[str, str]) -> RankInfo:
        local_size = int(variables.get("LOCAL_WORLD_SIZE", variables["WORLD_SIZE"]))
        return cls(
            rank=int(variables["RANK"]),
            world_size=int(variables["WORLD_SIZE"]),
            local_rank=int(variables["LOCAL_RANK"]),
            local_size=local_size,
            node_rank=int(variables.get("GROUP_RANK", int(variables["RANK"]) // local_size)),
            launcher="accel" if PARENT_VARIABLE in variables else "torchrun",
        )

    @classmethod
    def _of_srun(cls, variables: Mapping[str, str]) -> RankInfo:
        node = int(variables["SLURM_NODEID"])
        return cls(
            rank=int(variables["SLURM_PROCID"]),
            world_size=int(variables["SLURM_STEP_NUM_TASKS"]),
            local_rank=int(variables["SLURM_LOCALID"]),
            local_size=_tasks_of_nodes(variables["SLURM_STEP_TASKS_PER_NODE"])[node],
            node_rank=node,
            launcher="srun",
        )

    @property
    def leads(self) -> bool:
        """Whether it writes the record and talks to the user."""
        return self.rank == 0

    @property
    def leads_node(self) -> bool:
        """Whether it makes what the processes of its machine share."""
        return self.local_rank == 0

    def variables(self, address: str, port: int) -> dict[str, str]:
        """What torch wants to be told, by the names that torchrun gives it."""
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "WORLD_SIZE": str(self.world_size),
            "LOCAL_WORLD_SIZE": str(self.local_size),
            "GROUP_RANK": str(self.node_rank),
            "NODE_RANK": str(self.node_rank),
            "MASTER_ADDR": address,
            "MASTER_PORT": str(port),
        }


def _tasks_of_nodes(text: str) -> list[int]:
    """Slurm's ``2(x3),1`` as [2, 2, 2, 1]."""
    counts: list[int] = []
    for part in text.split(","):
        count, _, times = part.partition("(x")
        counts += [int(count)] * int(times.rstrip(")") or 1)
    return counts


def address_of(rendezvous: str) -> tuple[str, int]:
    """``host:port`` in its parts; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is something else.
    """
    host, _, port = rendezvous.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(rendezvous)
    return host, int(port)


def address_in_slurm(variables: Mapping[str, str]) -> tuple[str, int]:
    """Where the tasks of a step meet: the step's first node, on a port that follows from the job's number.

    Raises:
        ConfigError: the node's name leads nowhere.
    """
    job = int(variables.get("SLURM_JOB_ID", "0")) * 31 + int(variables.get("SLURM_STEP_ID", "0"))
    port = int(variables.get("MASTER_PORT", FIRST_PORT + job % NUM_PORTS))
    if "MASTER_ADDR" in variables:
        return variables["MASTER_ADDR"], port
    nodes = variables.get("SLURM_STEP_NODELIST") or variables["SLURM_JOB_NODELIST"]
    first = _scontrol("show", "hostnames", nodes).split()[0]
    try:
        socket.getaddrinfo(first, port)
        return first, port
    except OSError:
        facts = dict(word.split("=", 1) for word in _scontrol("show", "-o", "node", first).split() if "=" in word)
        return facts["NodeAddr"], port


def _scontrol(*words: str) -> str:
    try:
        return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(
            f"srun started this process, but the address of its first node cannot be found ({error}). Say where the "
            f"processes meet: strategy.rendezvous=HOST:PORT, a port of the first node that is free."
        ) from None


def interface_towards(address: str, port: int) -> str | None:
    """The network interface that leads to an address, by whose name gloo can be told; None where it is not found.

    Gloo by itself listens where the machine's own name leads: on many machines that is the loopback device.
    """
    import psutil

    try:
        family, _, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(target)  # sends nothing
            own = probe.getsockname()[0]
    except OSError:
        return None
    for name, addresses in psutil.net_if_addrs().items():
        if any(a.address.split("%")[0] == own for a in addresses):
            return name
    return None


def told_when_parent_dies() -> None:
    """Let this process get a SIGTERM when the one that started it dies, however it dies; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with(parent: int) -> None:
    """Stop when the process that started this one dies."""
    told_when_parent_dies()
    if os.getppid() != parent:  # it died before this line
        os.kill(os.getpid(), signal.SIGTERM)
