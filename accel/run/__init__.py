"""A plan from its first step to its record."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accel.api import Record


class _Callable(ModuleType):
    """``accel.run`` is a function of that name until this package is imported, and this module from then on."""

    def __call__(self, *words: str) -> Record:
        from accel.api import run

        return run(*words)


sys.modules[__name__].__class__ = _Callable
