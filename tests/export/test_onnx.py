import numpy as np
import onnx
import pytest
import torch

from accel.core.engine import Runner
from accel.engines.eager import EagerRunner
from accel.engines.onnxruntime import OnnxRunner
from accel.export.onnx import (
    ExportError,
    Parity,
    UnsupportedError,
    export_onnx,
    parity,
    quantize_onnx,
    random_inputs,
    require_parity,
    require_rounded_parity,
)
from accel.export.saturation import saturates
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification


def test_a_nudged_weight_is_noticed():
    """Negative control of the parity check; the untouched model passes it."""
    model, other = (TinyBert().network(Classification(["a", "b"])).eval() for _ in range(2))
    require_parity(parity(model, EagerRunner(other, "float32", 0)), "copy")
    with torch.no_grad():
        other.classifier.weight[0, 0] += 0.05
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(model, EagerRunner(other, "float32", 0)), "copy")


@pytest.mark.parametrize("saturated", [True, False])
def test_int8_is_close_and_smaller(tmp_path, monkeypatch, saturated):
    monkeypatch.setattr("accel.export.onnx.saturates", lambda: saturated)
    model = TinyBert().network(Classification(["a", "b"])).eval()
    export_onnx(model, tmp_path / "m.onnx")
    quantize_onnx(tmp_path / "m.onnx", tmp_path / "q.onnx")
    graph = onnx.load(tmp_path / "q.onnx").graph
    factors = {node.input[1] for node in graph.node if node.op_type == "MatMulInteger"}
    unsigned = {w.data_type == onnx.TensorProto.UINT8 for w in graph.initializer if w.name in factors}
    assert unsigned == {saturated}
    if saturated or not saturates():
        assert parity(model, OnnxRunner(tmp_path / "q.onnx", "int8", 0, 1)).max_abs_diff < 0.02
    assert (tmp_path / "q.onnx").stat().st_size < 0.7 * (tmp_path / "m.onnx").stat().st_size


@pytest.mark.slow
@pytest.mark.fault("N5")
@pytest.mark.parametrize("option", [TinyGpt2(), TinyT5(), TinyLlama()], ids=lambda o: o.option_name())
def test_other_architectures_export_too(tmp_path, option):
    model = option.network(Classification(["a", "b"])).eval()
    export_onnx(model, tmp_path / "m.onnx")
    require_parity(parity(model, OnnxRunner(tmp_path / "m.onnx", "float32", 0, 1)), "m.onnx")


def test_an_architecture_that_cannot_be_exported_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.onnx.export", lambda *_, **__: 1 / 0)
    with pytest.raises(UnsupportedError, match="ZeroDivisionError.*safetensors folder is complete"):
        export_onnx(TinyBert().network(Classification(["a", "b"])), tmp_path / "m.onnx")


def test_random_inputs_end_in_one_end_token():
    model = TinyT5().network(Classification(["a", "b"]))
    inputs = random_inputs(model, 5, 20)
    assert ((inputs["input_ids"] == 3).sum(1) == 1).all()
    assert (inputs["input_ids"][inputs["attention_mask"] == 0] == 0).all()


def test_large_logits_may_differ_by_more():
    require_parity(Parity(3e-4, 34.0, 1.0, 1e-5), "m.onnx")
    with pytest.raises(ExportError, match=r"by 3\.00e-04, more than 1e-04"):
        require_parity(Parity(3e-4, 3.4, 1.0, 1e-5), "m.onnx")
    with pytest.raises(ExportError, match=r"by nan"):
        require_parity(Parity(float("nan"), 34.0, 1.0, 1e-5), "m.onnx")


def test_rounded_activations_are_judged_by_all_logits_together():
    """One logit far off is what a step of the grid does; all of them off by a tenth is another model."""
    require_rounded_parity(Parity(0.12, 1.3, 1.0, 0.036), "m.onnx")
    for relative in (0.1, float("nan")):
        with pytest.raises(ExportError, match="of its logits, more than 8%: it is not the same model"):
            require_rounded_parity(Parity(0.01, 1.3, 1.0, relative), "m.onnx")


def test_the_difference_of_all_logits_is_a_root_mean_square():
    class Off:
        def __init__(self, model):
            self.model = model

        def run(self, inputs):
            found = self.model(**{name: torch.from_numpy(value) for name, value in inputs.items()}).logits
            return 1.1 * found.detach().numpy()

    model = TinyBert().network(Classification(["a", "b"])).eval()
    assert parity(model, Off(model)).relative == pytest.approx(0.1, abs=1e-4)


class Broken(Runner):
    """Gives NaN for one text of a batch, as a kernel that overflows does."""

    name = "onnxruntime"

    def __init__(self, model, lengths):
        super().__init__("float32", 0)
        self.model, self.lengths = model, lengths

    @torch.inference_mode()
    def run(self, inputs):
        logits = self.model(**{name: torch.from_numpy(value) for name, value in inputs.items()}).logits.numpy()
        if inputs["input_ids"].shape[1] in self.lengths:
            logits[0, 0] = np.nan
        return logits


@pytest.mark.parametrize("lengths", [{8}, {33}, {128}])
def test_nan_at_any_length_is_a_difference(lengths):
    """``max(0.0, nan)`` is 0.0. Negative control: without NaN the same file is kept."""
    model = TinyBert().network(Classification(["a", "b"])).eval()
    require_parity(parity(model, Broken(model, set())), "m.onnx")
    with pytest.raises(ExportError, match="by nan"):
        require_parity(parity(model, Broken(model, lengths)), "m.onnx")
