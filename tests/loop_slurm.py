"""A real Slurm of two nodes on the loopback device, without systemd, root or any file outside one folder.

Debian: apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
NODES = ("one", "two")
CPUS_PER_NODE, MEMORY_MB = 4, 16000
START_S = 180
SAME_SECOND_S = 2.0
CONF = """\
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ctld_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
KillWait=40
GresTypes=gpu
{nodes}
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=40
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""
"""Without accounting, as on many small clusters. A job in ``urgent`` preempts one in ``debug``, which is requeued."""


def missing_programs() -> list[str]:
    """What has to be installed first."""
    return [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]


def free_ports(count: int) -> list[int]:
    """Of the loopback device, different ones."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class LoopSlurm:
    """The cluster: ``environment`` makes its commands, and what they start, find it.

    Args:
        folder: short, as a Unix socket lives there, and entered by everybody, as munge demands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
        self.started: list[subprocess.Popen] = []

    def start(self) -> None:
        """Everything, until a job could start."""
        self._configure()
        socket_, key = self.folder / "munge.socket", self.folder / "munge.key"
        self._daemon("munged", "--foreground", "--force", f"--socket={socket_}", f"--key-file={key}",
                     f"--log-file={self.folder}/munged.log", f"--pid-file={self.folder}/munged.pid",
                     f"--seed-file={self.folder}/munged.seed", "--num-threads=1")  # fmt: skip
        self._wait(socket_.exists)
        self._daemon("slurmctld", "-D")
        self._wait(lambda: self.call("scontrol", "ping").returncode == 0)
        for node in NODES:
            self._daemon("slurmd", "-D", "-N", node)
        self._wait(lambda: self.run("sinfo", "-h", "-N", "-p", "debug", "-o", "%T").split() == ["idle"] * len(NODES))

    def stop(self) -> None:
        """Cancel what runs, then end the daemons, the last one first."""
        if not self.started:
            return
        self.call("scancel", "--user", getpass.getuser())
        self._wait(lambda: not self.call("squeue", "-h").stdout.strip(), fail=False)
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, *command: str, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        """A command of the cluster, whatever it returns."""
        return subprocess.run(
            command, env={**os.environ, **self.environment, **environment},
            capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip

    def run(self, *command: str) -> str:
        """A command of the cluster that has to succeed; what it printed."""
        done = self.call(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_again(self, job: str) -> bool:
        """Start a requeued job before the two minutes are over that Slurm lets it wait; whether it was waiting for them.

        A node that killed a job refuses it for the rest of that second, and Slurm then gives the job up.
        """
        if self.run("squeue", "-h", "-r", "-j", job, "-o", "%T %r").strip() != "PENDING BeginTime":
            return False
        time.sleep(SAME_SECOND_S)
        return self.call("scontrol", "update", f"JobId={job}", "StartTime=now").returncode == 0

    def _configure(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        for name in ("state", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        ctld_port, *ports = free_ports(1 + len(NODES))
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS_PER_NODE} "
            f"RealMemory={MEMORY_MB} Gres=gpu:2 State=UNKNOWN"
            for node, port in zip(NODES, ports, strict=True)
        ]
        text = CONF.format(
            host=host, folder=self.folder, user=getpass.getuser(), ctld_port=ctld_port, nodes="\n".join(nodes)
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")

    def _daemon(self, *command: str) -> None:
        environment = {**os.environ, **self.environment}
        with (self.folder / f"{command[0]}.{len(self.started)}.out").open("w") as out:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self.started.append(process)

    def _wait(self, condition: Callable[[], object], *, fail: bool = True) -> None:
        deadline = time.monotonic() + START_S
        while not condition():
            if time.monotonic() > deadline:
                assert not fail, self._said()
                return
            time.sleep(0.1)

    def _said(self) -> str:
        """The last words of each daemon, for whoever has to find out why it does not work here."""
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in _outputs(self.folder))


def _outputs(folder: Path) -> Sequence[Path]:
    return sorted([*folder.glob("*.out"), *folder.glob("*.log")])
