"""Which engines this machine can have; known without importing torch or the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from accel.core.hardware import may_have_gpu
from accel.engines._compilers import NONE_FOUND, has_compiler


def _openvino() -> str:
    return "" if find_spec("openvino") else "openvino is not installed: pip install 'accel[openvino]'"


def _inductor() -> str:
    return "" if has_compiler() else f"inductor {NONE_FOUND}"


def _cuda() -> str:
    return "" if may_have_gpu() else "cuda needs an NVIDIA GPU, and there is none"


_WHY_NOT: Mapping[str, Callable[[], str]] = {"openvino": _openvino, "inductor": _inductor, "cuda": _cuda}


def why_not_here(engine: str) -> str:
    """What it lacks on this machine; empty where nothing is known to be missing."""
    return _WHY_NOT.get(engine, str)()
