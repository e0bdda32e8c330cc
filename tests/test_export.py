import pytest
import torch

from accel.cli import main
from accel.engines.onnxruntime import OnnxRuntime
from accel.export import float_copy
from accel.model.tiny_bert import TinyBert
from accel.onnx_export import ExportError, parity, require_parity
from accel.ops import rounding
from accel.ops.grids import Int8Rows
from accel.ops.quantized_layers import quantized
from accel.ops.schemes import Int8


def test_a_finished_run_exports_again(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    assert main(["export", str(tmp_path / "run"), "--format", "onnx-int8"]) == 0
    assert (tmp_path / "run" / "model" / "model.int8.onnx").is_file()
    engine = OnnxRuntime(tmp_path / "run" / "model" / "model.onnx", "float32", 0, 1)
    other = TinyBert(weights_seed=5).classifier(["a", "b"]).eval()
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(other, engine), "model.onnx")
    assert main(["export", str(tmp_path / "nowhere")]) == 2


def test_an_int8_model_has_a_float_copy_of_the_same_values():
    model = TinyBert().classifier(["a", "b"]).eval()
    assert float_copy(model) is model
    rounding.prepare(model, Int8(Int8Rows()))
    rounding.convert(model)
    assert quantized(model)
    plain = float_copy(model)
    assert not quantized(plain)
    ids = torch.full((1, 9), 7)
    with torch.inference_mode():
        assert (plain(input_ids=ids).logits - model(input_ids=ids).logits).abs().max() < 0.01
