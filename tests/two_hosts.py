"""Two hosts with addresses and disks of their own on one machine: network namespaces joined by a virtual cable.

Debian: apt-get install --no-install-recommends iproute2
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "10.213.77"
DISK = Path("/mnt")
"""Where each host sees a disk of its own."""


def missing() -> str | None:
    """Why there can be no two hosts here; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "ip is not installed: apt-get install iproute2"
    name = f"accel{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return f"no network namespace can be made: {made.stderr.strip()}" if made.returncode else None


@dataclass(frozen=True)
class Host:
    """One of the two."""

    name: str
    address: str
    disk: Path
    """What the host sees at ``DISK``."""

    def start(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Run a command there; what it prints goes to a file."""
        mounted = ["sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", str(self.disk), str(DISK)]
        with log.open("wb") as file:
            words = ["ip", "netns", "exec", self.name, *mounted, *command]
            return subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True)


class TwoHosts:
    """Made on entering, gone on leaving."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = [
            Host(f"accel{os.getpid()}{letter}", f"{PREFIX}.{number}", folder / f"disk{letter}")
            for number, letter in enumerate("ab", start=1)
        ]

    def __enter__(self) -> TwoHosts:
        a, b = self.hosts
        for host in self.hosts:
            host.disk.mkdir()
            _ip("netns", "add", host.name)
            _ip("-n", host.name, "link", "set", "lo", "up")
        _ip("-n", a.name, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", b.name)
        for host in self.hosts:
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "cable")
        self.plug()
        return self

    def __exit__(self, *error: object) -> None:
        for host in self.hosts:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", host.name)

    def plug(self) -> None:
        """Join the hosts."""
        for host in self.hosts:
            _ip("-n", host.name, "link", "set", "cable", "up")

    def unplug(self) -> None:
        """Let every packet between them be lost, without a word to either."""
        _ip("-n", self.hosts[0].name, "link", "set", "cable", "down")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
