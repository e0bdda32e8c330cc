import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from accel.export.onnx_layers import with_operators
from accel.export.saturation import _product, saturates
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from tests.export.test_onnx_layers import converted


def test_it_says_what_this_processor_does():
    rng = np.random.default_rng(0)
    activations = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    weights = rng.integers(-127, 128, (64, 64)).astype(np.int8)
    session = onnxruntime.InferenceSession(_product(weights), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"activations": activations})
    assert saturates() == bool((found != activations.astype(int) @ weights.astype(int)).any())


@pytest.mark.parametrize(("largest", "saturated"), [(2**31 - 1, False), (32 * (2**15 - 1), True)])
def test_products_that_are_cut_off_are_noticed(monkeypatch, largest, saturated):
    """On whatever processor: of 64 products two and two are added, and at most what 16 bits hold."""

    class Session:
        def __init__(self, model, providers):
            self.weights = onnx.numpy_helper.to_array(onnx.load_from_string(model).graph.initializer[0]).astype(int)

        def run(self, names, inputs):
            return [np.minimum(inputs["activations"].astype(int) @ self.weights, largest)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    assert saturates.__wrapped__() == saturated


@pytest.mark.parametrize("saturated", [True, False])
def test_weights_are_unsigned_where_signed_ones_would_be_cut_off(tmp_path, monkeypatch, saturated):
    monkeypatch.setattr("accel.export.onnx_layers.saturates", lambda: saturated)
    layer = torch.nn.Sequential(converted(Int8(Int8Rows())).bert.encoder.layer[0].intermediate.dense).eval()
    torch.manual_seed(0)
    x = torch.randn(4, 64)
    torch.onnx.export(with_operators(layer), (x,), tmp_path / "m.onnx", dynamo=True, external_data=False, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])
    kinds = {weight.data_type for weight in onnx.load(tmp_path / "m.onnx").graph.initializer if len(weight.dims) == 2}
    assert (onnx.TensorProto.UINT8 in kinds) == saturated
    if saturated or not saturates():
        assert torch.allclose(found, layer(x), atol=1e-5 * float(layer(x).abs().max()))
