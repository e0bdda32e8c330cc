"""Work whose parts are known and take their time: each is told as it begins, with what has passed and what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Steps:
    """Call it as each part begins.

    Args:
        say: prints a line.
        total: how many parts there are; the rest is estimated from those that are done.
    """

    say: Callable[[str], None]
    total: int
    clock: Callable[[], float] = time.perf_counter
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def __call__(self, what: str) -> None:
        self.say(f"  {self.done + 1}/{self.total} {what}{self._estimate()}")
        self.done += 1

    def _estimate(self) -> str:
        if not 0 < self.done < self.total:
            return ""
        passed = self.clock() - self.start
        left = passed / self.done * (self.total - self.done)
        return f"  ({duration_text(passed)} so far, about {duration_text(left)} to go)"


def duration_text(seconds: float) -> str:
    """0.4 s, 12 s, 3 min 5 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
