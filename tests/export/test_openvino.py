import copy

import pytest
import torch

from accel.engines.openvino import OPENVINO, OPENVINO_INT8, Openvino
from accel.export.formats import float_copy
from accel.export.onnx import (
    ExportError,
    UnsupportedError,
    parity,
    require_parity,
    require_rounded_parity,
)
from accel.export.onnx_layers import quantized_linears
from accel.export.openvino import convert_onnx, group_size
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8, Int8WeightOnly


def rounded(scheme):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    with torch.no_grad():  # as far from zero as a trained model's
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight.mul_(5)
    fake_quantize.prepare(model, scheme)
    return fake_quantize.convert(model)


@pytest.fixture(scope="module", params=[Int8(Int8Rows()), Int8WeightOnly(Int8Rows())], ids=lambda s: s.name)
def exported(request, tmp_path_factory):
    pytest.importorskip("openvino")
    folder = tmp_path_factory.mktemp("ir")
    model = rounded(request.param)
    OPENVINO_INT8.write(model, folder)
    return model, folder


@pytest.mark.slow
def test_the_file_is_the_model_and_holds_int8_weights(exported):
    model, folder = exported
    require_parity(parity(float_copy(model), OPENVINO_INT8.load(folder, "float32")), "m")
    require_rounded_parity(parity(model, OPENVINO_INT8.load(folder)), "m")
    values = sum(p.numel() for layer in (model,) for p in layer.parameters())
    assert (folder / OPENVINO_INT8.files[1]).stat().st_size < 2 * values


@pytest.mark.slow
def test_its_products_are_int8_products(exported):
    """The group size travels in the file, and every rounded layer runs with int8 weights."""
    model, folder = exported
    engine = OPENVINO_INT8.load(folder)
    running = engine._compiled((1, 32)).get_compiled_model()
    assert running.get_property("DYNAMIC_QUANTIZATION_GROUP_SIZE") == 64
    names = [op.get_rt_info() for op in running.get_runtime_model().get_ops()]
    products = [
        str(info["runtimePrecision"].astype(str)) for info in names if "FullyConn" in str(info["layerType"].astype(str))
    ]
    assert products.count("i8") == len(quantized_linears(model))


def test_another_model_is_refused(exported):
    """Negative control of both comparisons: one layer's scale is off."""
    model, folder = exported
    other = copy.deepcopy(model)
    other.bert.encoder.layer[1].output.dense.weight_scale.data.mul_(1.3)
    with pytest.raises(ExportError, match="not the same model"):
        require_parity(parity(float_copy(other), OPENVINO_INT8.load(folder, "float32")), "m")


@pytest.mark.slow
def test_a_model_with_other_weights_is_written_in_fp32(tmp_path):
    pytest.importorskip("openvino")
    model = rounded(Int4WeightOnly(Int8Rows()))
    assert OPENVINO in Openvino().forms(model)
    (made,) = Openvino().export(model, tmp_path, None)
    assert (made.format, made.path) == ("openvino", "model/model.openvino.xml")
    assert made.max_abs_diff < 1e-4


def test_what_it_cannot_read_is_left_out(tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(UnsupportedError, match="cannot read"):
        convert_onnx(tmp_path / "m.onnx", tmp_path / "m.xml")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([(384, 384), (384, 1536), (1536, 384)], 384),
        ([(64, 64)], 64),
        ([(16, 8)], 32),
        ([(384, 1536), (32, 8), (1536, 384)], 384),  # a small layer in fp32 costs less than small groups everywhere
    ],
)
def test_groups_fit_the_layers(layers, expected):
    assert group_size(layers) == expected
