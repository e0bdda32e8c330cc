"""An owner that trains nothing and sends what a test wants, over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from accel.federated.channel import Channel, ChannelError, call
from accel.federated.choices import SentAs
from accel.federated.roster import sent_parts

SECRET = b"0123456789abcdef0123456789abcdef"


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def joined(address: tuple[str, int], name: str, *, secret: bytes = SECRET, examples: float = 1) -> Channel:
    """Connected, let in, and told what there is to know, in ``channel.told``."""
    channel = call(socket.create_connection(address, timeout=10), secret, within=10)
    channel.send({"name": name}, within=10)
    channel.told, _ = channel.receive(within=10)  # type: ignore[attr-defined]
    channel.send({"examples": examples, "frozen": channel.told["frozen"]}, within=10)  # type: ignore[attr-defined]
    return channel


def moved_by(value: float) -> Callable[[Channel, dict[str, Any], Mapping[str, Tensor]], None]:
    """Answers every round with an update of this much for every weight."""

    def answer(channel: Channel, words: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
        updates = {name: t.new_full(t.shape, value) for name, t in tensors.items()}
        parts = sent_parts(updates, SentAs.none)
        channel.send({"round": words["round"], "loss": 0.5}, parts, within=10)

    return answer


class FakeOwner(threading.Thread):
    """Takes part until it is told that it is over, or the connection ends; calls again if it shall."""

    def __init__(
        self,
        address: tuple[str, int],
        name: str,
        answer: Callable | None = None,
        *,
        examples: float = 1,
        again=False,
    ) -> None:
        super().__init__(daemon=True)
        self.settings = (address, name, examples)
        self.answer, self.again = answer or moved_by(0.25), again
        self.heard: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        address, name, examples = self.settings
        for _ in range(600):
            try:
                channel = joined(address, name, examples=examples)
                self._rounds(channel)
                return
            except (OSError, ChannelError):
                if not self.again and self.heard:
                    return
            threading.Event().wait(0.05)

    def _rounds(self, channel: Channel) -> None:
        while True:
            words, tensors = channel.receive(within=30, largest=1 << 24)
            self.heard.append(words)
            if "done" in words:
                channel.close()
                return
            if "later" in words:
                channel.close()
                raise ChannelError("later")
            if "round" in words:
                self.answer(channel, words, tensors)
