from accel.measure.run_costs import ENGINES, _parameters, candidates
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.plan.decide import ENGINE_NAMES


def test_every_engine_that_can_be_named_can_be_measured():
    assert tuple(ENGINES) == ENGINE_NAMES


def test_scales_are_no_parameters_and_embeddings_count():
    model = TinyBert().network(Classification(["a", "b"]))
    before = _parameters(model)[0]
    fake_quantize.prepare(model, Int8(Int8Rows()))
    assert _parameters(fake_quantize.convert(model))[0] == before


def test_an_int8_model_is_measured_in_int8(tmp_path):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    assert [c.label for c in candidates(model, tmp_path.parent, ["onnxruntime"])] == []
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert [c.label for c in candidates(model, tmp_path, ["eager"])] == ["eager float32"]
    fake_quantize.prepare(model, Int8(Int8Rows()))
    fake_quantize.convert(model)
    assert [c.label for c in candidates(model, tmp_path, ["eager"])] == ["eager int8"]
