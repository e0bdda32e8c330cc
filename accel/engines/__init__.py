"""What a finished model is measured on; here the base of those engines that run files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ClassVar

from accel.core.engine import Engine, Runner
from accel.export.formats import Format

if TYPE_CHECKING:
    from torch import nn

    from accel.data.prepared import Prepared
    from accel.export.export import Export


@dataclass(kw_only=True)
class FileEngine(Engine):
    """An engine that runs exported files.

    One that reads a single form of file says which, and no more: ``formats``.
    """

    formats: ClassVar[tuple[Format, ...]] = ()
    """Every form of file that it reads."""
    dense_int8: ClassVar[Format | None] = None
    """As what the dense model is measured in int8 too; None for an engine that has no such form."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _CLASSES[cls.__module__, cls.__qualname__] = cls

    def forms(self, model: nn.Module) -> Sequence[Format]:
        """What a run writes of the model; the last is its fastest form here."""
        del model
        return self.formats[:1]

    def makeable(self, model: nn.Module) -> Sequence[Format]:
        """What ``accel export`` can write of the model, whether or not the engine is installed."""
        return self.forms(model)

    def export(self, model: nn.Module, folder: Path, data: Prepared | None) -> list[Export]:
        from accel.export.export import proven

        return [proven(model, folder, format, data) for format in self.forms(model)]

    def export_as(self, model: nn.Module, folder: Path, format: Format) -> list[Export]:
        """Write one format of a finished model, and what it is made from, each compared with the model.

        Raises:
            ExportError: a file is not the model.
        """
        del format
        return self.export(model, folder, None)

    def write(self, model: nn.Module, folder: Path) -> None:
        self.forms(model)[-1].write(model, folder)

    def has_dense(self, model: nn.Module, folder: Path) -> bool:
        return (self.dense_int8 or self.forms(model)[-1]).is_in(folder)

    def write_dense(self, model: nn.Module, folder: Path) -> None:
        for format in self.forms(model):
            format.write(model, folder)
        if self.dense_int8 is not None:
            self.write_dense_int8(model, folder, self.dense_int8)

    def write_dense_int8(self, model: nn.Module, folder: Path, format: Format) -> None:
        """For an engine without a quantizer of its own: the weights are rounded as ``compression=[ptq]`` does."""
        from accel.ops.quantize import fake_quantize
        from accel.ops.quantize.grids import Int8Rows
        from accel.ops.quantize.schemes import Int8

        rounded = copy.deepcopy(model)
        fake_quantize.prepare(rounded, Int8(Int8Rows()))
        format.write(fake_quantize.convert(rounded), folder)

    def measured(self, model: nn.Module, folder: Path) -> list[Format]:
        """Files of a folder to be measured: a quantized model's own, or every one of a dense model's."""
        from accel.ops.quantize.quantized_layers import quantized

        suitable = self.forms(model)[-1:] if quantized(model) else self.formats
        return [format for format in suitable if format.is_in(folder)]

    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        return {format.dtype: partial(format.load, folder) for format in self.measured(model, folder)}


_CLASSES: dict[tuple[str, str], type[FileEngine]] = {}
"""A class that is made anew, as its module is imported again, takes the place of itself."""


def file_engines() -> list[FileEngine]:
    """One of each class that runs files: accel's own, and those of plug-ins that were imported."""
    for module in iter_modules(__path__):
        if not module.name.startswith("_"):  # else it is a helper of engines
            import_module(f"{__name__}.{module.name}")
    return [cls() for cls in _CLASSES.values()]
