"""Many runs from one command: the grid, the processes, and what came of them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accel.api import Record


class _Callable(ModuleType):
    """``accel.sweep`` is a function of that name until this package is imported, and this module from then on."""

    def __call__(self, *words: str) -> Record:
        from accel.api import sweep

        return sweep(*words)


sys.modules[__name__].__class__ = _Callable
