import copy

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from accel.engines.onnxruntime import OnnxRunner, Onnxruntime
from accel.export.formats import float_copy
from accel.export.onnx import ExportError, parity, require_parity, require_rounded_parity
from accel.export.onnx_layers import (
    INT8_ACTIVATIONS,
    bits_of,
    compute_in_int8,
    has_int8_weights,
    has_operators,
    write_quantized,
)
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int4Groups, Int8Rows
from accel.ops.quantize.quantized_layers import quantized
from accel.ops.quantize.schemes import Fp8, Int4WeightOnly, Int8, Int8WeightOnly
from accel.ops.quantize.sensitivity import weights_of

SCHEMES = {
    "int8": Int8(Int8Rows()),
    "int8_weight_only": Int8WeightOnly(Int8Rows()),
    "int4_weight_only": Int4WeightOnly(Int4Groups(32)),
    "asymmetric": Int4WeightOnly(Int4Groups(32, symmetric=False), group_size=32, symmetric=False),
}
IN_TURN = ["int8", *(pytest.param(name, marks=pytest.mark.slow) for name in SCHEMES if name != "int8")]

TINY_BERT = TinyBert(num_layers=1)


def converted(scheme, option=TINY_BERT, scale=5):
    model = option.network(Classification(["a", "b"])).eval()
    with torch.no_grad():  # as far from zero as a trained model's: else a logit is mostly bias
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(scale)
    fake_quantize.prepare(model, scheme)
    return fake_quantize.convert(model)


@pytest.fixture(scope="module", params=IN_TURN)
def exported(request, tmp_path_factory):
    model = converted(SCHEMES[request.param])
    file = tmp_path_factory.mktemp(request.param) / "m.onnx"
    write_quantized(model, file)
    return request.param, model, file


@pytest.mark.fault("N5")
def test_the_file_is_the_model(exported):
    name, model, file = exported
    engine = OnnxRunner(file, "int8", 0, 1)
    if name == "int8":  # a tie that falls to the other step moves what follows
        require_rounded_parity(parity(model, engine), file.name)
    else:
        require_parity(parity(float_copy(model), engine), file.name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["int8", "int8_weight_only", "int4_weight_only"])
def test_t5_which_asks_for_the_dtype_of_weights_is_written_too(tmp_path, name):
    model = converted(SCHEMES[name], TinyT5(num_layers=1), scale=1)
    write_quantized(model, tmp_path / "m.onnx")
    judge = require_rounded_parity if name == "int8" else require_parity
    reference = model if name == "int8" else float_copy(model)
    judge(parity(reference, OnnxRunner(tmp_path / "m.onnx", "int8", 0, 1)), "m.onnx")


def test_every_rounded_weight_is_there_as_it_was_trained(exported):
    """No initializer is as large as an fp32 weight, and the operators are those that compute with rounded ones."""
    name, model, file = exported
    graph = onnx.load(file).graph
    kinds = [node.op_type for node in graph.node]
    operator = "MatMulInteger" if name == "int8" else "MatMulNBits"
    assert kinds.count(operator) == sum(type(layer).__name__.endswith("Linear") for layer in quantized(model))
    floats = [i for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT]
    assert max(onnx.numpy_helper.to_array(i).size for i in floats) < 64 * 64


def test_another_model_is_refused(exported):
    """Negative control of parity: one layer's scale is off by a tenth."""
    _, model, file = exported
    other = copy.deepcopy(model)
    other.bert.encoder.layer[0].output.dense.weight_scale.data.mul_(1.3)
    other.classifier.weight.data.mul_(1.1)
    with pytest.raises(ExportError, match="not the same model"):
        require_rounded_parity(parity(other, OnnxRunner(file, "int8", 0, 1)), file.name)


def test_the_fast_kernel_rounds_activations(exported, tmp_path):
    name, model, file = exported
    fast = tmp_path / "fast.onnx"
    fast.write_bytes(file.read_bytes())
    compute_in_int8(fast)
    exact, found = (parity(float_copy(model), OnnxRunner(f, "int8", 0, 1)) for f in (file, fast))
    assert found.max_abs_diff < 0.1 * found.largest
    assert (found.max_abs_diff == exact.max_abs_diff) == (name == "int8")


def test_a_texts_answer_does_not_depend_on_its_neighbours(exported):
    """onnxruntime's own dynamic quantization has one scale for a whole batch."""
    name, _, file = exported
    engine = OnnxRunner(file, "int8", 0, 1)
    ids = torch.randint(5, 200, (8, 24), generator=torch.Generator().manual_seed(0)).numpy()
    mask = (ids > 0).astype("int64")
    alone = engine.run({"input_ids": ids[:1], "attention_mask": mask[:1]})
    together = engine.run({"input_ids": ids, "attention_mask": mask})[:1]
    assert abs(alone - together).max() < 1e-4, name


def test_bits_are_those_of_the_scheme():
    assert [bits_of(converted(scheme)) for scheme in SCHEMES.values()] == [8, 8, 4, 4]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["int8", "int4_weight_only"])
def test_a_model_whose_linear_layers_all_stay_unrounded_keeps_its_rounded_tables(tmp_path, name):
    model = TINY_BERT.network(Classification(["a", "b"])).eval()
    fake_quantize.prepare(model, SCHEMES[name])
    fake_quantize.keep_full_precision(model, dict.fromkeys(weights_of(model), "faster as it is"))
    model = fake_quantize.convert(model)
    assert not has_int8_weights(model)  # OpenVINO has no int8 product to make
    assert bits_of(model) == SCHEMES[name].embeddings.bits
    write_quantized(model, tmp_path / "m.onnx")
    require_parity(parity(float_copy(model), OnnxRunner(tmp_path / "m.onnx", "int8", 0, 1)), "m.onnx")


@pytest.fixture(scope="module")
def int4_exports(tmp_path_factory):
    """An int4 model, and the files that a run writes of it."""
    model, folder = converted(SCHEMES["int4_weight_only"]), tmp_path_factory.mktemp("int4")
    return model, folder, Onnxruntime().export(model, folder, None)


def test_formats_are_named_by_their_bits(int4_exports):
    assert [export.path for export in int4_exports[2]] == ["model/model.onnx", "model/model.int4.onnx"]


def levels(file):
    return {a.i for node in onnx.load(file).graph.node for a in node.attribute if a.name == "accuracy_level"}


@pytest.mark.parametrize(("name", "fast"), [("int8", []), ("int4_weight_only", [INT8_ACTIVATIONS])])
def test_what_is_timed_takes_the_kernel_that_is_shipped(tmp_path, int4_exports, name, fast):
    Onnxruntime().write(converted(SCHEMES[name]), tmp_path)
    (file,) = tmp_path.glob("*.onnx")
    assert sorted(levels(file)) == fast
    if fast:
        assert levels(int4_exports[1] / "model.int4.onnx") == levels(file)


def test_a_fast_kernel_that_computes_something_else_is_not_shipped(tmp_path, monkeypatch, int4_exports):
    """Its weights were compared before it was switched on. Negative control: as it is, the file is shipped."""
    model, _, shipped = int4_exports
    assert "model/model.int4.onnx" in [export.path for export in shipped]

    def broken(file):
        graph = onnx.load(file)
        norm = next(t for t in graph.graph.initializer if t.dims == [64] and t.data_type == onnx.TensorProto.FLOAT)
        norm.CopyFrom(onnx.numpy_helper.from_array(np.full(64, np.nan, np.float32), norm.name))
        onnx.save(graph, file)

    monkeypatch.setattr("accel.export.onnx_layers.compute_in_int8", broken)
    with pytest.raises(ExportError, match=r"model.int4.onnx differs .* by nan"):
        Onnxruntime().export(model, tmp_path, None)
    assert not (tmp_path / "model.int4.onnx").exists()


def test_fp8_has_no_operator():
    assert not has_operators(converted(Fp8(Int8Rows())))
    assert not has_operators(TinyBert().network(Classification(["a", "b"])))
