from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from accel.config.compose import compose
from accel.core.engine import EngineUnavailableError
from accel.engines import inductor
from accel.engines.inductor import Inductor, InductorRunner
from accel.errors import ConfigError, ExitCode, Interrupted
from accel.export.onnx import random_inputs
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.plan.decide import decide
from accel.plan.inputs import check_devices


def test_without_a_compiler_it_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr(inductor, "has_compiler", lambda: False)
    with pytest.raises(EngineUnavailableError, match="needs a C\\+\\+ compiler"):
        InductorRunner(TinyBert().network(Classification(["a", "b"])), "float32", 0)


class Small(nn.Module):
    """Compiles in a moment."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(logits=self.linear(input_ids.float() * attention_mask))


def test_a_request_to_stop_is_not_the_compilers_failure(monkeypatch):
    """Else the run would go on without the engine. Negative control: what the compiler raises is."""
    engine = InductorRunner(TinyBert().network(Classification(["a", "b"])), "float32", 0)
    monkeypatch.setattr(engine, "run", lambda inputs: (_ for _ in ()).throw(Interrupted("x", ExitCode.SIGTERM)))
    with pytest.raises(Interrupted):
        engine.prepare({})
    monkeypatch.setattr(engine, "run", lambda inputs: 1 / 0)
    with pytest.raises(EngineUnavailableError, match="cannot compile"):
        engine.prepare({})


@pytest.mark.slow
def test_the_tenth_model_is_compiled_too_or_it_is_told(monkeypatch):
    """torch compiles eight models of a class and runs the others eagerly, with a warning in a log."""
    inputs = {name: np.ones((1, 8), dtype=np.int64) for name in ("input_ids", "attention_mask")}
    torch.compiler.reset()
    engines = [InductorRunner(Small().eval(), "float32", 0) for _ in range(10)]
    for engine in engines:
        engine.prepare(inputs)
    monkeypatch.setitem(inductor.NO_SILENT_EAGER, "recompile_limit", 10)
    with pytest.raises(
        EngineUnavailableError, match="cannot compile"
    ):  # negative control: and past the limit it says so
        InductorRunner(Small().eval(), "float32", 0).prepare(inputs)
    engines[0].close()


@pytest.mark.slow
def test_int8_compiled_is_int8_eager():
    model = TinyBert(num_layers=1).network(Classification(["a", "b"])).eval()
    fake_quantize.prepare(model, Int8(Int8Rows()))
    fake_quantize.convert(model)
    engine = InductorRunner(model, "int8", 0)
    inputs = random_inputs(model, 1, 32)
    engine.prepare(inputs)
    with torch.inference_mode():
        expected = model(**{k: torch.from_numpy(v) for k, v in inputs.items()}).logits.numpy()
    assert abs(engine.run(inputs) - expected).max() < 5e-3
    engine.close()


def test_without_a_compiler_it_is_refused_where_it_is_the_only_engine(monkeypatch):
    monkeypatch.setattr(inductor, "has_compiler", lambda: False)
    with pytest.raises(ConfigError, match=r"(?s)engines=\[inductor\].*needs a C\+\+ compiler"):
        check_devices(decide(compose(["engines=[inductor]"])))
    (left_out,) = check_devices(decide(compose(["engines=[eager,inductor]"])))
    assert "engines=[inductor] will be left out" in left_out


@pytest.mark.parametrize(("fast", "expected"), [(True, ["float32", "bfloat16"]), (False, ["float32"])])
def test_bf16_is_compiled_where_the_processor_multiplies_it_and_int8_alone_in_int8(
    tmp_path, monkeypatch, fast, expected
):
    monkeypatch.setattr(inductor, "has_bf16_products", lambda: fast)
    (tmp_path / "model.safetensors").touch()
    model = TinyBert(num_layers=1).network(Classification(["a", "b"])).eval()
    assert list(Inductor().candidates(model, tmp_path)) == expected
    fake_quantize.prepare(model, Int8(Int8Rows()))
    assert list(Inductor().candidates(fake_quantize.convert(model), tmp_path)) == ["int8"]
