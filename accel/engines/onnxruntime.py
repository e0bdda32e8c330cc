"""ONNX Runtime on the CPU: runs an exported graph without PyTorch. The only file that imports it to predict.

What it does: writes ``model.onnx``, and for a quantized model its own weights as ``model.int8.onnx`` or
``model.int4.onnx``; each file is compared with the model, scored, and timed. The dense model is timed in onnxruntime's
own dynamic int8 too.
Use it when: the model leaves Python or PyTorch: one file, one small runtime, any number of languages.
What it costs: the time to export; an architecture that torch cannot export has no file, and the record says so.
Composes with: every compression; fp8 has no operator in ONNX, so such a model is written in fp32.
Off switch: leave it out of the list.
Reference: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html

  accel compression=[qat] engines=[eager,onnxruntime]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accel.core.engine import EngineUnavailableError, FileRunner, Inputs
from accel.engines import FileEngine
from accel.export.formats import Format, float_copy

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from accel.data.prepared import Prepared
    from accel.export.export import Export


class OnnxRunner(FileRunner):
    """A session over one .onnx file."""

    imports: ClassVar[str] = "import numpy, onnxruntime"
    answer: ClassVar[str] = """
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
logits = session.run(None, {node.name: inputs[node.name] for node in session.get_inputs()})[0]
"""

    def __init__(self, path: Path, dtype: str, size_bytes: int, num_threads: int) -> None:
        super().__init__(path, dtype, size_bytes, num_threads)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Threads that spin between calls would slow down whatever is measured in turn with this engine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise EngineUnavailableError(f"onnxruntime cannot load {path.name}: {str(error)[:160]}") from error
        self.wanted = {node.name for node in self.session.get_inputs()}

    def run(self, inputs: Inputs) -> np.ndarray:
        import numpy as np

        given = {name: value for name, value in inputs.items() if name in self.wanted}
        return np.asarray(self.session.run(None, given)[0], dtype=np.float32)


def _write(model: nn.Module, file: Path) -> None:
    from accel.export.onnx import export_onnx

    export_onnx(model, file)


def _write_quantized(model: nn.Module, file: Path) -> None:
    from accel.export.onnx_layers import write_quantized

    write_quantized(model, file)


ONNX = Format("onnx", ("model.onnx",), OnnxRunner, "float32", _write)
ONNX_INT8 = Format("onnx-int8", ("model.int8.onnx",), OnnxRunner, "int8", _write_quantized)
ONNX_INT4 = Format(
    "onnx-int4",
    ("model.int4.onnx",),
    OnnxRunner,
    "int4",
    _write_quantized,
    instead="train it with scheme=int4_weight_only, or use onnx-int8",
)


@dataclass(kw_only=True)
class Onnxruntime(FileEngine):
    """ONNX files in onnxruntime."""

    formats: ClassVar[tuple[Format, ...]] = (ONNX, ONNX_INT8, ONNX_INT4)
    dense_int8: ClassVar[Format | None] = ONNX_INT8
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    def forms(self, model: nn.Module) -> Sequence[Format]:
        """In fp32, and a quantized model with its own rounded weights too."""
        from accel.export.onnx_layers import bits_of, has_operators

        return [ONNX, *([{8: ONNX_INT8, 4: ONNX_INT4}[bits_of(model)]] if has_operators(model) else [])]

    def makeable(self, model: nn.Module) -> Sequence[Format]:
        """Any model in int8, by onnxruntime's own quantizer if need be."""
        return list(dict.fromkeys([*self.forms(model), ONNX_INT8]))

    def export(self, model: nn.Module, folder: Path, data: Prepared | None) -> list[Export]:
        from accel.export.export import proven

        return [
            proven(model, folder, format, data) if format is ONNX else self._quantized(model, folder, format, data)
            for format in self.forms(model)
        ]

    def _quantized(self, model: nn.Module, folder: Path, format: Format, data: Prepared | None) -> Export:
        """Prove that the file is the model, and only then let weight-only layers take their faster kernel."""
        from accel.export.export import checked, proven
        from accel.export.onnx import require_coarse_parity, require_parity
        from accel.ops.quantize.quantized_layers import multiplies_int8

        if multiplies_int8(model):
            return proven(model, folder, format, data)
        format.write(model, folder)
        checked(float_copy(model), folder, format, None, require_parity)
        self._let_compute_in_int8(folder, format)
        return checked(model, folder, format, data, require_coarse_parity)

    def _let_compute_in_int8(self, folder: Path, format: Format) -> None:
        from accel.export.onnx_layers import compute_in_int8

        compute_in_int8(folder / format.file)
        format.note(folder)

    def export_as(self, model: nn.Module, folder: Path, format: Format) -> list[Export]:
        """In int8 too for a model that was not trained for it."""
        from accel.export.export import checked

        made = self.export(model, folder, None)
        if format.name in [export.format for export in made]:
            return made
        self.write_dense_int8(model, folder, ONNX_INT8)
        ONNX_INT8.note(folder)
        return [*made, checked(model, folder, ONNX_INT8, None)]

    def write(self, model: nn.Module, folder: Path) -> None:
        """With the faster kernel of weight-only layers, which a run ends with."""
        from accel.ops.quantize.quantized_layers import multiplies_int8

        format = self.forms(model)[-1]
        format.write(model, folder)
        if format is not ONNX and not multiplies_int8(model):
            self._let_compute_in_int8(folder, format)

    def write_dense_int8(self, model: nn.Module, folder: Path, format: Format) -> None:
        """By onnxruntime's own quantizer, from the file in fp32."""
        from accel.export.onnx import quantize_onnx

        del model
        quantize_onnx(folder / ONNX.file, folder / format.file)
