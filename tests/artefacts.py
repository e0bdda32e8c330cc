"""What tests would make again and again, made once by each process that runs them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

FILES: dict[str, bytes] = {}
"""ONNX files by what they were exported from."""


def exported_once(export: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.onnx.export`` that takes its seconds once for each model: every weight and attribute counts."""

    def once(model: Any, *args: Any, **kwargs: Any) -> Any:
        key = _digest((model, args, kwargs))
        if key in FILES:
            return _File(key)
        program = export(model, *args, **kwargs)
        return program if key is None else _File(key, program)

    return once


class _File:
    """As much of an ONNX program as accel asks for."""

    def __init__(self, key: str, program: Any = None) -> None:
        self.key, self.program = key, program

    def save(self, path: str, **options: Any) -> None:
        if self.program is None:
            Path(path).write_bytes(FILES[self.key])
        else:
            self.program.save(path, **options)
            FILES[self.key] = Path(path).read_bytes()


def _digest(value: Any) -> str | None:
    """None for what cannot be compared: it is exported each time."""
    written = BytesIO()
    try:
        _Pickler(written).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return sha256(written.getvalue()).hexdigest()


class _Pickler(pickle.Pickler):
    """Writes tensors by their values: torch would write where they are in memory too."""

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, torch.Tensor):
            return NotImplemented
        values = obj.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
        return tuple, (str(obj.dtype), tuple(obj.shape), values)
