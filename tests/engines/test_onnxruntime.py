import pytest

from accel.core.engine import EngineUnavailableError
from accel.engines.onnxruntime import OnnxRunner
from accel.export.onnx import export_onnx, parity
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification


def test_runs_an_exported_file(tmp_path):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    export_onnx(model, tmp_path / "m.onnx")
    found = parity(model, OnnxRunner(tmp_path / "m.onnx", "float32", 0, 2))
    assert found.max_abs_diff < 1e-5
    assert found.argmax_agreement == 1


def test_a_file_that_is_none_is_a_reason_to_skip(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailableError, match="cannot load m.onnx"):
        OnnxRunner(tmp_path / "m.onnx", "float32", 0, 1)
