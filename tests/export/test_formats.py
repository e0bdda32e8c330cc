import pytest

from accel.export.formats import (
    FORMATS,
    ONNX,
    ONNX_INT4,
    ONNX_INT8,
    OPENVINO,
    OPENVINO_INT8,
    PT2,
    PT2_BF16,
    PT2_INT8,
    formats_in,
    formats_of,
    plain_pt2,
)
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
    files = [name for format in FORMATS.values() for name in format.files]
    assert len(files) == len(set(files))
    assert all(FORMATS[format.name] is format for format in FORMATS.values())


def test_a_model_is_written_as_what_it_is():
    fastest = plain_pt2()[-1]
    assert formats_of(TinyBert().network(Classification(["a", "b"]))) == [ONNX, OPENVINO, fastest]
    assert formats_of(rounded(Int8(Int8Rows()))) == [ONNX_INT8, OPENVINO_INT8, PT2_INT8]
    assert formats_of(rounded(Int4WeightOnly(Int8Rows()))) == [ONNX_INT4, OPENVINO, fastest]


@pytest.mark.parametrize(("fast", "expected"), [(True, [PT2, PT2_BF16]), (False, [PT2])])
def test_bf16_is_for_processors_that_multiply_it(monkeypatch, fast, expected):
    monkeypatch.setattr("accel.export.formats.has_bf16_products", lambda: fast)
    assert plain_pt2() == expected


def test_a_dense_model_is_measured_on_every_file_and_a_quantized_one_on_its_own(tmp_path):
    for format in (ONNX, ONNX_INT8):
        (tmp_path / format.file).touch()
    assert formats_in(tmp_path, TinyBert().network(Classification(["a", "b"])), ONNX.engine) == [ONNX, ONNX_INT8]
    assert formats_in(tmp_path, rounded(Int8(Int8Rows())), ONNX.engine) == [ONNX_INT8]
    assert formats_in(tmp_path, rounded(Int4WeightOnly(Int8Rows())), ONNX.engine) == []


def test_a_rejected_file_is_out_of_the_way(tmp_path):
    (tmp_path / ONNX.file).touch()
    ONNX.reject(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx.rejected"]
