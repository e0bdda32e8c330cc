"""The files that a finished model is shipped as, and the engine that runs each; no torch until one is made."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.core.checksums import require_whole, write_sums
from accel.core.hardware import has_bf16_products
from accel.engines import EngineUnavailableError, FileEngine
from accel.engines.aotinductor import AotInductor
from accel.engines.onnxruntime import OnnxRuntime
from accel.engines.openvino import OpenVino

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Format:
    """One file format; ``name`` is what ``accel export --format`` takes.

    Args:
        files: in a model's folder; the first is the one that an engine is given.
        dtype: what its products compute in.
    """

    name: str
    files: Sequence[str]
    engine: type[FileEngine]
    dtype: str
    make: Callable[[nn.Module, Path], None]
    """Writes a model to a path, that of the first file."""

    @property
    def file(self) -> str:
        return self.files[0]

    @property
    def label(self) -> str:
        """``openvino int8``, as its figures are called."""
        return f"{self.engine.name} {self.dtype}"

    def write(self, model: nn.Module, folder: Path) -> None:
        """Write a model, which nothing has compared yet.

        Raises:
            UnsupportedError: it cannot be made of this architecture, or here.
        """
        self.make(model, folder / self.file)
        self.note(folder)

    def note(self, folder: Path) -> None:
        """Note the digests of its files, which have just been written."""
        write_sums(folder, [name for name in self.files if (folder / name).is_file()])

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds it."""
        return (folder / self.file).is_file()

    def size_bytes(self, folder: Path) -> int:
        """What must be shipped to use it."""
        from accel.weights import artifact

        return artifact.shipped_bytes(folder, self.files)

    def load(self, folder: Path, dtype: str | None = None) -> FileEngine:
        """An engine that runs it, in its own dtype or in another that the engine can compute in.

        Raises:
            EngineUnavailableError: it cannot run here.
            DataError: a file is damaged.
        """
        import torch

        require_whole(folder, self.files)
        return self.engine(folder / self.file, dtype or self.dtype, self.size_bytes(folder), torch.get_num_threads())

    def load_if_possible(self, folder: Path) -> FileEngine | None:
        """The same for who knows that the files are whole, without torch; with as many threads as the engine likes."""
        try:
            return self.engine(folder / self.file, self.dtype, sum((folder / f).stat().st_size for f in self.files), 0)
        except EngineUnavailableError:
            return None

    def reject(self, folder: Path) -> None:
        """Put the files out of the way of whoever would use them."""
        for name in self.files:
            if (folder / name).exists():
                (folder / name).rename(folder / f"{name}.rejected")


def float_copy(model: nn.Module) -> nn.Module:
    """The model itself, or for a quantized model an fp32 copy of the same values."""
    from accel.ops.quantize.quantized_layers import quantized, to_float

    return to_float(copy.deepcopy(model)) if quantized(model) else model


def _write_onnx(model: nn.Module, file: Path) -> None:
    from accel.export.onnx import export_onnx

    export_onnx(model, file)


def _write_quantized_onnx(model: nn.Module, file: Path) -> None:
    from accel.export.onnx_layers import write_quantized

    write_quantized(model, file)


def _write_openvino(model: nn.Module, file: Path) -> None:
    """From the ONNX file beside it, where there is one: it was written, and perhaps compared, before."""
    from accel.export.openvino import convert_onnx

    source = file.with_name(ONNX.file)
    if not source.is_file():
        ONNX.write(float_copy(model), file.parent)
    convert_onnx(source, file)


def _write_openvino_int8(model: nn.Module, file: Path) -> None:
    from accel.export.openvino import export_int8

    export_int8(model, file)


def _write_pt2(model: nn.Module, file: Path) -> None:
    from accel.export.pt2 import export_pt2

    export_pt2(model, file)


def _write_pt2_bfloat16(model: nn.Module, file: Path) -> None:
    from accel.export.pt2 import export_pt2_bfloat16

    export_pt2_bfloat16(model, file)


ONNX = Format("onnx", ("model.onnx",), OnnxRuntime, "float32", _write_onnx)
ONNX_INT8 = Format("onnx-int8", ("model.int8.onnx",), OnnxRuntime, "int8", _write_quantized_onnx)
ONNX_INT4 = Format("onnx-int4", ("model.int4.onnx",), OnnxRuntime, "int4", _write_quantized_onnx)
OPENVINO = Format("openvino", ("model.openvino.xml", "model.openvino.bin"), OpenVino, "float32", _write_openvino)
OPENVINO_INT8 = Format(
    "openvino-int8", ("model.int8.openvino.xml", "model.int8.openvino.bin"), OpenVino, "int8", _write_openvino_int8
)
PT2 = Format("pt2", ("model.pt2",), AotInductor, "float32", _write_pt2)
PT2_BF16 = Format("pt2-bf16", ("model.bf16.pt2",), AotInductor, "bfloat16", _write_pt2_bfloat16)
PT2_INT8 = Format("pt2-int8", ("model.int8.pt2",), AotInductor, "int8", _write_pt2)
_ALL = (ONNX, ONNX_INT8, ONNX_INT4, OPENVINO, OPENVINO_INT8, PT2, PT2_BF16, PT2_INT8)
FORMATS = {format.name: format for format in _ALL}


def quantized_onnx(model: nn.Module) -> Format:
    """The ONNX format that keeps the model's rounded weights."""
    from accel.export.onnx_layers import bits_of

    return FORMATS[f"onnx-int{bits_of(model)}"]


def formats_of(model: nn.Module) -> list[Format]:
    """The fastest form that the model itself has for each engine that runs files."""
    from accel.export.onnx_layers import has_int8_weights, has_operators
    from accel.ops.quantize.quantized_layers import multiplies_int8

    return [
        quantized_onnx(model) if has_operators(model) else ONNX,
        OPENVINO_INT8 if has_int8_weights(model) else OPENVINO,
        PT2_INT8 if multiplies_int8(model) else plain_pt2()[-1],
    ]


def plain_pt2() -> list[Format]:
    """The packages of a model without int8 products; the last one is the fastest here."""
    return [PT2, *([PT2_BF16] if has_bf16_products() else [])]


def makeable(model: nn.Module) -> list[Format]:
    """Every file that can be made of the model, whether or not its engine is installed."""
    from accel.export.onnx_layers import has_int8_weights, has_operators
    from accel.ops.quantize.quantized_layers import multiplies_int8

    rounded = [quantized_onnx(model)] if has_operators(model) else []
    return [
        ONNX,
        ONNX_INT8,
        *rounded,
        OPENVINO_INT8 if has_int8_weights(model) else OPENVINO,
        *([PT2_INT8] if multiplies_int8(model) else plain_pt2()),
    ]


def formats_in(folder: Path, model: nn.Module, engine: type[FileEngine]) -> list[Format]:
    """Files of a folder to be measured: a quantized model's own, or every one of a dense model's."""
    from accel.ops.quantize.quantized_layers import quantized

    suitable: Collection[Format] = formats_of(model) if quantized(model) else FORMATS.values()
    return [f for f in suitable if f.engine is engine and f.is_in(folder)]
