"""ONNX Runtime on the CPU: runs an exported graph without PyTorch. The only file that imports it to predict."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from accel.engines import EngineUnavailableError, FileEngine, Inputs


class OnnxRuntime(FileEngine):
    """A session over one .onnx file."""

    name: ClassVar[str] = "onnxruntime"
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
        given = {name: value for name, value in inputs.items() if name in self.wanted}
        return np.asarray(self.session.run(None, given)[0], dtype=np.float32)
