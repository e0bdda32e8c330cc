"""OpenVINO on the CPU: runs its own files without PyTorch. The only file that imports it to predict.

What it does: writes ``model.openvino.xml`` with its ``.bin``, in int8 where the model's weights are; each file is
compared with the model, scored, and timed, as is the dense model rounded to int8.
Use it when: the model is served on processors without PyTorch; in ``experiment=fastest`` its int8 was the fastest.
What it costs: a further package (``pip install 'accel-finetune[openvino]'``), and the time to convert.
Composes with: every compression; int4 and fp8 weights are written in fp32.
Off switch: leave it out of the list.
Reference: https://docs.openvino.ai

  accel compression=[qat] engines=[eager,onnxruntime,openvino]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.engine import EngineUnavailableError, FileRunner, Inputs, Runner
from accel.core.extras import install_words, is_installed
from accel.core.hardware import has_bf16_products
from accel.engines import FileEngine
from accel.engines.onnxruntime import ONNX
from accel.export.formats import Format, float_copy

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from accel.data.prepared import Prepared
    from accel.export.export import Export

PRECISIONS: Mapping[str, Mapping[str, str]] = {
    "float32": {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"},
    "bfloat16": {"INFERENCE_PRECISION_HINT": "bf16"},
    "int8": {},
}
"""What each dtype asks of it; int8 is what the file itself says, and whatever this processor is fast at for the rest.
float32 of an int8 file reads its weights into fp32 and rounds no activation."""


class OpenvinoRunner(FileRunner):
    """One .xml file with its .bin: any shape, and anew for every shape that is prepared, which is faster."""

    imports: ClassVar[str] = "import numpy, openvino"
    answer: ClassVar[str] = """
model = openvino.Core().compile_model(path, "CPU")
logits = model({port.any_name: inputs[port.any_name] for port in model.inputs})[0]
"""

    def __init__(self, path: Path, dtype: str, size_bytes: int, num_threads: int) -> None:
        super().__init__(path, dtype, size_bytes, num_threads)
        try:
            import openvino
        except ImportError:
            raise EngineUnavailableError(f"openvino is not installed: {install_words('openvino')}") from None
        self.core = openvino.Core()
        self.settings = {
            **PRECISIONS[dtype],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": num_threads,
            "ENABLE_CPU_PINNING": False,  # pinned threads of several engines would wait for the same core
        }
        self.requests: dict[tuple[int, ...] | None, Any] = {}

    def run(self, inputs: Inputs) -> np.ndarray:
        import numpy as np

        shape = inputs["input_ids"].shape
        request = self.requests.get(shape) or self.requests.get(None) or self._compiled(None)
        names = {name for port in request.model_inputs for name in port.names}
        found = request.infer({name: value for name, value in inputs.items() if name in names}, share_inputs=True)
        return np.array(found[0], dtype=np.float32)

    def prepare(self, inputs: Inputs) -> None:
        self._compiled(inputs["input_ids"].shape)
        super().prepare(inputs)

    def _compiled(self, shape: tuple[int, ...] | None) -> Any:
        """A request for inputs of this shape; None for any shape."""
        try:
            model = self.core.read_model(self.path)
            if shape is not None:
                model.reshape({port.any_name: list(shape) for port in model.inputs})
            request = self.core.compile_model(model, "CPU", self.settings).create_infer_request()
        except Exception as error:  # its exceptions share no public base class
            raise EngineUnavailableError(f"openvino cannot load {self.path.name}: {str(error)[:160]}") from error
        self.requests[shape] = request
        return request

    def close(self) -> None:
        self.requests.clear()


def _write(model: nn.Module, file: Path) -> None:
    """From the ONNX file beside it, where there is one: it was written, and perhaps compared, before."""
    from accel.export.openvino import convert_onnx

    source = file.with_name(ONNX.file)
    if not source.is_file():
        ONNX.write(float_copy(model), file.parent)
    convert_onnx(source, file)


def _write_int8(model: nn.Module, file: Path) -> None:
    from accel.export.openvino import export_int8

    export_int8(model, file)


OPENVINO = Format(
    "openvino",
    ("model.openvino.xml", "model.openvino.bin"),
    OpenvinoRunner,
    "float32",
    _write,
    instead="its weights are in int8, use openvino-int8",
)
OPENVINO_INT8 = Format(
    "openvino-int8",
    ("model.int8.openvino.xml", "model.int8.openvino.bin"),
    OpenvinoRunner,
    "int8",
    _write_int8,
    instead="train it with compression=[qat] or [ptq] and scheme=int8, or use openvino",
)


@dataclass(kw_only=True)
class Openvino(FileEngine):
    """OpenVINO's files in OpenVINO."""

    formats: ClassVar[tuple[Format, ...]] = (OPENVINO, OPENVINO_INT8)
    dense_int8: ClassVar[Format | None] = OPENVINO_INT8
    packages: ClassVar[tuple[str, ...]] = ("openvino",)

    def lacks(self) -> str | None:
        return None if is_installed("openvino") else "OpenVINO is not installed"

    def remedy(self) -> str:
        return install_words("openvino")

    def forms(self, model: nn.Module) -> Sequence[Format]:
        from accel.export.onnx_layers import has_int8_weights

        return [OPENVINO_INT8 if has_int8_weights(model) else OPENVINO]

    def export(self, model: nn.Module, folder: Path, data: Prepared | None) -> list[Export]:
        """An int8 file is first compared in fp32, which leaves no room for another weight, then as it computes."""
        from accel.export.export import checked
        from accel.export.onnx import require_parity, require_rounded_parity

        if OPENVINO in self.forms(model):
            return super().export(model, folder, data)
        OPENVINO_INT8.write(model, folder)
        checked(float_copy(model), folder, OPENVINO_INT8, None, require_parity, dtype="float32")
        return [checked(model, folder, OPENVINO_INT8, data, require_rounded_parity)]

    def candidates(self, model: nn.Module, folder: Path) -> Mapping[str, Callable[[], Runner]]:
        """Its fp32 file is read in bf16 too, which OpenVINO does by itself where the processor has such products."""
        made = dict(super().candidates(model, folder))
        if OPENVINO in self.measured(model, folder) and has_bf16_products():
            made["bfloat16"] = partial(OPENVINO.load, folder, "bfloat16")
        return made
