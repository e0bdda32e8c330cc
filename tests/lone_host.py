"""A host whose packets go nowhere and are seen: a network namespace with a cable that nobody answers at.

Whatever leaves the loopback device is seen, of any process and any library: look-ups of names, connections, metadata.
Debian: apt-get install --no-install-recommends iproute2
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.two_hosts import _ip

ADDRESS, SERVER = "10.213.78.1", "10.213.78.2"
NOBODY = "02:00:00:00:00:01"
"""The server's hardware address, stated so that nothing has to be asked for it."""
RESOLVER = f"nameserver {SERVER}\noptions timeout:1 attempts:1\n"
LISTEN = """
import re, socket
cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
cable.bind(("deaf", 0))
print("ready", flush=True)
while packet := cable.recv(65535):
    print(packet[14:].hex(), re.findall(rb"[\\w-]{3,}", packet[42:]), flush=True)
"""


class LoneHost:
    """Made on entering, gone on leaving."""

    def __init__(self, folder: Path) -> None:
        self.name = f"accel{os.getpid()}l"
        self.resolver, self.heard = folder / "resolv.conf", folder / "packets.txt"

    def __enter__(self) -> LoneHost:
        self.resolver.write_text(RESOLVER)
        _ip("netns", "add", self.name)
        self.call(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"])  # which greets its neighbours
        here = ("-n", self.name)
        _ip(*here, "link", "add", "nowhere", "type", "veth", "peer", "name", "deaf")
        for device in ("lo", "nowhere", "deaf"):
            _ip(*here, "link", "set", device, "up")
        _ip(*here, "address", "add", f"{ADDRESS}/24", "dev", "nowhere")
        _ip(*here, "neighbour", "add", SERVER, "lladdr", NOBODY, "dev", "nowhere")
        _ip(*here, "route", "add", "default", "via", SERVER)
        words = ["ip", "netns", "exec", self.name, sys.executable, "-c", LISTEN]
        with self.heard.open("w") as file:
            self.listener = subprocess.Popen(words, stdout=file)
        while "ready" not in self.heard.read_text():
            assert self.listener.poll() is None
        return self

    def __exit__(self, *error: object) -> None:
        self.listener.kill()
        self.listener.wait()
        _ip("netns", "del", self.name)

    def call(self, command: Sequence[str], environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end, with names looked up at a server that never answers."""
        mounted = ["sh", "-c", 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"', "sh", str(self.resolver)]
        words = ["ip", "netns", "exec", self.name, *mounted, *command]
        return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, check=False)

    def packets(self) -> list[str]:
        """What has left it since it was made, in hexadecimal and with the words that can be read."""
        return self.heard.read_text().splitlines()[1:]
