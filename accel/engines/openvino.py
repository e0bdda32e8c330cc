"""OpenVINO on the CPU: runs its own files without PyTorch. The only file that imports it to predict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from accel.core.extras import install_words
from accel.engines import EngineUnavailableError, FileEngine, Inputs

PRECISIONS: Mapping[str, Mapping[str, str]] = {
    "float32": {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"},
    "bfloat16": {"INFERENCE_PRECISION_HINT": "bf16"},
    "int8": {},
}
"""What each dtype asks of it; int8 is what the file itself says, and whatever this processor is fast at for the rest.
float32 of an int8 file reads its weights into fp32 and rounds no activation."""


class OpenVino(FileEngine):
    """One .xml file with its .bin: any shape, and anew for every shape that is prepared, which is faster."""

    name: ClassVar[str] = "openvino"
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
