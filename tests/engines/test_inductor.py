import pytest
import torch

from accel.engines import EngineUnavailableError, inductor
from accel.engines.inductor import Inductor
from accel.model.tiny_bert import TinyBert
from accel.objective import Classification
from accel.onnx_export import random_inputs
from accel.ops import rounding
from accel.ops.grids import Int8Rows
from accel.ops.schemes import Int8


def test_without_a_compiler_it_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr(inductor, "has_compiler", lambda: False)
    with pytest.raises(EngineUnavailableError, match="needs a C\\+\\+ compiler"):
        Inductor(TinyBert().network(Classification(["a", "b"])), "float32", 0)


@pytest.mark.slow
def test_int8_compiled_is_int8_eager():
    model = TinyBert(num_layers=1).network(Classification(["a", "b"])).eval()
    rounding.prepare(model, Int8(Int8Rows()))
    rounding.convert(model)
    engine = Inductor(model, "int8", 0)
    inputs = random_inputs(model, 1, 32)
    engine.prepare(inputs)
    with torch.inference_mode():
        expected = model(**{k: torch.from_numpy(v) for k, v in inputs.items()}).logits.numpy()
    assert abs(engine.run(inputs) - expected).max() < 5e-3
    engine.close()
