import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from accel.cli import main
from accel.core.console import Console
from accel.engines.onnxruntime import ONNX, OnnxRunner, Onnxruntime
from accel.engines.openvino import Openvino
from accel.export import export
from accel.export.formats import Format, float_copy
from accel.export.onnx import ExportError, UnsupportedError, export_onnx, parity, require_parity
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification, ClassScores
from accel.objective.scores import Report
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.quantized_layers import quantized
from accel.ops.quantize.schemes import Int4WeightOnly, Int8


@pytest.mark.slow
def test_a_finished_run_exports_again(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    assert main(["export", str(tmp_path / "run"), "--format", "onnx-int8"]) == 0
    assert (tmp_path / "run" / "model" / "model.int8.onnx").is_file()
    engine = OnnxRunner(tmp_path / "run" / "model" / "model.onnx", "float32", 0, 1)
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


def some_batches(*labels):
    return lambda: iter([{"x": torch.zeros(len(labels), 1), "labels": torch.tensor(labels)}])


def test_a_file_is_scored_on_the_test_split():
    """What runs it says the second label, always."""
    engine = SimpleNamespace(run=lambda inputs: np.tile(np.array([[0.0, 1.0]], np.float32), (len(inputs["x"]), 1)))
    data = SimpleNamespace(
        objective=SimpleNamespace(scores=lambda split: {"test": ClassScores(2)}[split]), test="test", validation="v",
        test_batches=some_batches(0, 1, 0, 0), validation_batches=some_batches(1, 1),
    )  # fmt: skip
    assert export._scored(engine, data)["accuracy"] == 0.25


@pytest.mark.parametrize("difference", [float("nan"), 1e-3])
def test_a_reloaded_model_that_computes_something_else_fails_the_run(monkeypatch, tmp_path, difference):
    monkeypatch.setattr(export.artifact, "save_model", lambda *_, **__: None)
    monkeypatch.setattr(export.artifact, "load_model", lambda folder: "reloaded")
    monkeypatch.setattr(export.artifact, "shipped_bytes", lambda folder: 7)
    found = [0.0, difference]
    monkeypatch.setattr(export, "_difference", lambda model, other: found.pop(0))
    data = SimpleNamespace(tokenizer=None, artifact_facts=dict)
    (tmp_path / "model").mkdir()
    told = ("trained", data, tmp_path, Console(None, silent=True), lambda model: Report({"accuracy": len(model)}))
    exported = export.export_all(*told, engines=[])  # negative control
    assert exported.model == "reloaded"
    assert [(e.size_bytes, e.metrics) for e in exported.exports] == [(7, {"accuracy": len("reloaded")})]
    with pytest.raises(ExportError, match="computes something else"):
        export.export_all(*told, engines=[])
    assert [path.name for path in tmp_path.iterdir()] == ["model.rejected"]


@pytest.fixture
def compared(monkeypatch):
    """What each file is compared with and how closely, without writing one: ``compared`` is filled in that order."""
    found = []

    def checked(reference, target, format, data, require, dtype=None):
        found.append((format.name, quantized(reference) != [], require.__name__, data is not None, dtype))
        return format.name

    monkeypatch.setattr(export, "checked", checked)
    monkeypatch.setattr(Format, "write", lambda self, model, folder: found.append(f"write {self.name}"))
    monkeypatch.setattr("accel.export.onnx_layers.compute_in_int8", lambda file: found.append("compute in int8"))
    return found


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (None, []),
        (Int8(Int8Rows()), ["write onnx-int8", ("onnx-int8", True, "require_rounded_parity", True, None)]),
        (
            Int4WeightOnly(Int8Rows()),
            [
                "write onnx-int4", ("onnx-int4", False, "require_parity", False, None),
                "compute in int8", ("onnx-int4", True, "require_coarse_parity", True, None),
            ],
        ),
    ],
    ids=["dense", "int8", "int4"],
)  # fmt: skip
def test_onnx_weights_are_proven_in_fp32_before_a_faster_kernel_is_let_loose(compared, tmp_path, scheme, expected):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    if scheme is not None:
        fake_quantize.prepare(model, scheme)
        fake_quantize.convert(model)
    Onnxruntime().export(model, tmp_path, SimpleNamespace())
    assert compared == ["write onnx", ("onnx", False, "require_parity", True, None), *expected]


def test_openvino_int8_weights_are_proven_in_fp32_first(compared, tmp_path):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    Openvino().export(model, tmp_path, SimpleNamespace())
    assert compared == ["write openvino", ("openvino", False, "require_parity", True, None)]
    compared.clear()
    fake_quantize.prepare(model, Int8(Int8Rows()))
    Openvino().export(fake_quantize.convert(model), tmp_path, SimpleNamespace())
    assert compared == [
        "write openvino-int8", ("openvino-int8", False, "require_parity", False, "float32"),
        ("openvino-int8", True, "require_rounded_parity", True, None),
    ]  # fmt: skip
