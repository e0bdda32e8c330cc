"""How this machine's onnxruntime adds up int8 products.

x86 processors without VNNI (before Cascade Lake of 2019 and Zen 4 of 2022) add two products of an unsigned and a signed
byte in 16 bits, and what does not fit is cut off: onnxruntime's documentation, "Quantize ONNX models", section on U8S8.
With two unsigned bytes it adds in 32 bits, on those processors as fast, on newer ones slower.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SIZE = 64
"""Of the matrices: enough for the kernel of large ones."""


@cache
def saturates() -> bool:
    """Whether products of unsigned activations and signed weights come out too small here: they are tried."""
    import onnxruntime

    activations = np.full((SIZE, SIZE), np.iinfo(np.uint8).max, np.uint8)
    weights = np.full((SIZE, SIZE), np.iinfo(np.int8).max, np.int8)
    session = onnxruntime.InferenceSession(_product(weights), providers=["CPUExecutionProvider"])
    found = np.asarray(session.run(None, {"activations": activations})[0])
    return not np.array_equal(found, activations.astype(np.int32) @ weights.astype(np.int32))


def _product(weights: np.ndarray) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("MatMulInteger", ["activations", "weights"], ["products"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("activations", TensorProto.UINT8, weights.shape)],
        [helper.make_tensor_value_info("products", TensorProto.INT32, weights.shape)],
        [numpy_helper.from_array(weights, "weights")],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
