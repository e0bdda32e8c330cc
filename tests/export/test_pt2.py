import pytest
import torch

from accel.engines.aotinductor import PT2, PT2_INT8, Aotinductor, PackageRunner
from accel.export.onnx import (
    ExportError,
    UnsupportedError,
    parity,
    require_parity,
    require_rounded_parity,
)
from accel.export.pt2 import export_pt2
from accel.measure.cold_load import cold_load
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8

OPTIONS = [TinyBert(), TinyGpt2(), TinyLlama(), TinyT5()]


def rounded(scheme, option=None):
    """As far from zero as a trained model's."""
    model = (option or TinyBert()).network(Classification(["a", "b"])).eval()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight.mul_(5)
    fake_quantize.prepare(model, scheme)
    return fake_quantize.convert(model)


def test_without_a_compiler_it_is_left_out_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.export.pt2.has_compiler", lambda: False)
    with pytest.raises(UnsupportedError, match="needs a C\\+\\+ compiler"):
        export_pt2(TinyBert().network(Classification(["a", "b"])), tmp_path / "m.pt2")


def test_what_cannot_be_compiled_is_left_out_and_leaves_nothing(tmp_path, monkeypatch):
    def cannot(program, file, inputs):
        file.write_bytes(b"half of it")
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr("accel.export.pt2.compile_package", cannot)
    with pytest.raises(UnsupportedError, match="RuntimeError: no such operator"):
        export_pt2(TinyBert().network(Classification(["a", "b"])), tmp_path / "m.pt2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [pytest.param(o, marks=pytest.mark.full if o.option_name() != "tiny_bert" else ()) for o in OPTIONS],
    ids=lambda o: o.option_name(),
)
def test_architectures_export_or_say_why(tmp_path, option):
    model = option.network(Classification(["a", "b"])).eval()
    try:
        export_pt2(model, tmp_path / PT2.file)
    except UnsupportedError as error:
        assert "safetensors folder is complete" in str(error)
    else:
        require_parity(parity(model, PT2.load(tmp_path)), PT2.file)


@pytest.mark.slow
def test_an_int8_model_keeps_its_products_and_another_one_is_refused(tmp_path):
    """The second half is the negative control of the comparison: one layer's scale is off."""
    model = rounded(Int8(Int8Rows()))
    (made,) = Aotinductor().export(model, tmp_path, None)
    assert (made.format, made.path) == ("pt2-int8", "model/model.int8.pt2")
    engine = PT2_INT8.load(tmp_path)
    require_rounded_parity(parity(model, engine), PT2_INT8.file)
    text = {"input_ids": [1, 7, 2], "attention_mask": [1, 1, 1]}
    found = cold_load(PackageRunner, tmp_path / PT2_INT8.file, text, rounds=1)
    assert found.cold_load_ms > found.cold_load_imports_ms
    model.bert.encoder.layer[1].output.dense.weight_scale.data.mul_(1.5)
    with pytest.raises(ExportError, match="not the same model"):
        require_rounded_parity(parity(model, engine), PT2_INT8.file)


@pytest.mark.slow
@pytest.mark.full
def test_other_weights_are_compiled_as_they_compute_and_bf16_where_that_is_fast(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.engines.aotinductor.has_bf16_products", lambda: True)
    made = Aotinductor().export(rounded(Int4WeightOnly(Int8Rows())), tmp_path, None)
    assert [(export.format, export.path) for export in made] == [
        ("pt2", "model/model.pt2"),
        ("pt2-bf16", "model/model.bf16.pt2"),
    ]
    assert made[0].max_abs_diff < 1e-4 < made[1].max_abs_diff
    assert made[1].size_bytes < made[0].size_bytes
