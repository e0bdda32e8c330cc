import json

import pytest
import torch

from accel.cli import main
from accel.engines.onnxruntime import OnnxRuntime
from accel.export.formats import ONNX, float_copy
from accel.export.onnx import ExportError, UnsupportedError, export_onnx, parity, require_parity
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.quantized_layers import quantized
from accel.ops.quantize.schemes import Int8


def test_a_finished_run_exports_again(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    assert main(["export", str(tmp_path / "run"), "--format", "onnx-int8"]) == 0
    assert (tmp_path / "run" / "model" / "model.int8.onnx").is_file()
    engine = OnnxRuntime(tmp_path / "run" / "model" / "model.onnx", "float32", 0, 1)
    other = TinyBert(weights_seed=5).network(Classification(["a", "b"])).eval()
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(other, engine), "model.onnx")
    assert main(["export", str(tmp_path / "nowhere")]) == 2


def test_an_int8_model_has_a_float_copy_of_the_same_values():
    model = TinyBert().network(Classification(["a", "b"])).eval()
    assert float_copy(model) is model
    fake_quantize.prepare(model, Int8(Int8Rows()))
    fake_quantize.convert(model)
    assert quantized(model)
    plain = float_copy(model)
    assert not quantized(plain)
    ids = torch.full((1, 9), 7)
    with torch.inference_mode():
        assert (plain(input_ids=ids).logits - model(input_ids=ids).logits).abs().max() < 0.01


def test_a_file_that_is_not_the_model_fails_the_run(tiny_run, tmp_path, monkeypatch, capsys):
    """Whoever writes the file writes another model: the run must not call itself finished, nor keep the file."""
    other = TinyBert(weights_seed=5).network(Classification(["negative", "positive"])).eval()
    with monkeypatch.context() as patch:
        patch.setattr(ONNX.__class__, "write", lambda self, model, folder: export_onnx(other, folder / self.file))
        assert main([*tiny_run, "trainer.max_steps=2", "engines=[eager,onnxruntime]"]) == 3
    assert "not the same model" in capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["status"] == "failed"
    assert not (tmp_path / "run" / "model" / "model.onnx").exists()


def test_an_architecture_without_a_file_is_left_out_and_said(tiny_run, tmp_path, monkeypatch):
    def cannot(self, model, folder):
        raise UnsupportedError("no such operator")

    monkeypatch.setattr(ONNX.__class__, "write", cannot)
    assert main([*tiny_run, "trainer.max_steps=2", "engines=[eager,onnxruntime]"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["measurement"]["skipped"] == {"onnxruntime": "no such operator"}


@pytest.mark.slow
def test_openvino_runs_both_sides(tiny_run, tmp_path):
    pytest.importorskip("openvino")
    words = ["compression=[ptq]", "engines=[eager,openvino]", f"cache={tmp_path / 'cache'}", "trainer.max_steps=2"]
    assert main([*tiny_run, *words]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    (made,) = (e for e in record["exports"] if e["format"] == "openvino-int8")
    assert (tmp_path / "run" / made["path"]).is_file()
    assert made["metrics"]["accuracy"] is not None
    dense = {f"{c['engine']} {c['dtype']}" for c in record["before"]["engines"]}
    assert {"openvino float32", "openvino int8"} <= dense
    assert "openvino int8" in {f"{c['engine']} {c['dtype']}" for c in record["after"]["engines"]}


def test_what_cannot_be_made_is_refused_before_anything_is_compiled(tiny_run, tmp_path, monkeypatch, capsys):
    assert main([*tiny_run, "compression=[ptq]", "trainer.max_steps=2"]) == 0
    monkeypatch.setattr("accel.export.export._WRITERS", {})
    for format, instead in (("pt2", "pt2-int8"), ("openvino", "openvino-int8"), ("onnx-int4", "int4_weight_only")):
        capsys.readouterr()
        assert main(["export", str(tmp_path / "run"), "--format", format]) == 2
        assert instead in capsys.readouterr().err
