"""Every signal that asks a program to end, as a request: noted while training, an exception before and after it."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from accel.errors import ExitCode, Interrupted

EXIT_CODES = {
    signal.SIGHUP: ExitCode.SIGHUP,  # the terminal is closed, or its connection lost
    signal.SIGQUIT: ExitCode.SIGQUIT,
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGUSR1: ExitCode.SIGTERM,  # what clusters are asked to send before the time is up: --signal=USR1@60
    signal.SIGUSR2: ExitCode.SIGTERM,  # what submitit has them send
}
SAME_REQUEST_S = 2.0
"""Ctrl-C reaches a process from the terminal and again from the launcher that passes it on: that is one request."""


def heard() -> list[signal.Signals]:
    """The signals that mean something here: ``nohup`` has a program ignore the end of its terminal."""
    return [n for n in EXIT_CODES if n is not signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]


class StopRequests:
    """Hears the signals between entering and leaving; only the main thread can.

    Args:
        deferred: only note a request, for whoever asks ``received``, instead of raising ``Interrupted``.
    """

    def __init__(self, *, deferred: bool) -> None:
        self.deferred = deferred
        self.received: signal.Signals | None = None
        self._heard_s = 0.0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._hear) for number in heard()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self.received is None:
            self.received, self._heard_s = signal.Signals(number), now
            if not self.deferred:
                raise Interrupted(f"Stopped by {self.received.name}.", EXIT_CODES[self.received])
        elif now - self._heard_s > SAME_REQUEST_S:  # somebody insists: end at once
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
