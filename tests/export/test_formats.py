import pytest

from accel.core.hardware import has_bf16_products
from accel.engines import file_engines
from accel.engines.aotinductor import PT2, PT2_BF16, PT2_INT8, Aotinductor
from accel.engines.onnxruntime import ONNX, ONNX_INT4, ONNX_INT8, Onnxruntime
from accel.engines.openvino import OPENVINO, OPENVINO_INT8, Openvino
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8


def rounded(scheme):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    fake_quantize.prepare(model, scheme)
    return fake_quantize.convert(model)


def test_every_format_has_its_own_files_and_is_found_by_its_name():
    formats = [format for engine in file_engines() for format in engine.formats]
    files = [name for format in formats for name in format.files]
    assert len(files) == len(set(files))
    assert len({format.name for format in formats}) == len(formats)
    assert {ONNX, OPENVINO, PT2} <= set(formats)


def test_a_model_is_written_as_what_it_is():
    def fastest(model):
        return [engine.forms(model)[-1] for engine in (Onnxruntime(), Openvino(), Aotinductor())]

    plain = PT2_BF16 if has_bf16_products() else PT2
    assert fastest(TinyBert().network(Classification(["a", "b"]))) == [ONNX, OPENVINO, plain]
    assert fastest(rounded(Int8(Int8Rows()))) == [ONNX_INT8, OPENVINO_INT8, PT2_INT8]
    assert fastest(rounded(Int4WeightOnly(Int8Rows()))) == [ONNX_INT4, OPENVINO, plain]


@pytest.mark.parametrize(("fast", "expected"), [(True, [PT2, PT2_BF16]), (False, [PT2])])
def test_bf16_is_for_processors_that_multiply_it(monkeypatch, fast, expected):
    monkeypatch.setattr("accel.engines.aotinductor.has_bf16_products", lambda: fast)
    assert Aotinductor().forms(TinyBert().network(Classification(["a", "b"]))) == expected


def test_a_dense_model_is_measured_on_every_file_and_a_quantized_one_on_its_own(tmp_path):
    for format in (ONNX, ONNX_INT8):
        (tmp_path / format.file).touch()
    assert Onnxruntime().measured(TinyBert().network(Classification(["a", "b"])), tmp_path) == [ONNX, ONNX_INT8]
    assert Onnxruntime().measured(rounded(Int8(Int8Rows())), tmp_path) == [ONNX_INT8]
    assert Onnxruntime().measured(rounded(Int4WeightOnly(Int8Rows())), tmp_path) == []


def test_a_rejected_file_is_out_of_the_way(tmp_path):
    (tmp_path / ONNX.file).touch()
    ONNX.reject(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx.rejected"]
