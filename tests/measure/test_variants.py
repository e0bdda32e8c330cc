import copy

import pytest

from accel.engines.eager import Eager
from accel.engines.onnxruntime import Onnxruntime
from accel.errors import RunError
from accel.measure.timing import Measurement
from accel.measure.variants import by_engine, time_models
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8

BINARY = Classification(["a", "b"])
ONE_LAYER = TinyBert(num_layers=1)


@pytest.mark.slow
def test_every_model_is_timed_on_every_engine_that_runs_all_of_them(few_rounds):
    models = [ONE_LAYER.network(BINARY).eval() for _ in range(2)]
    found = time_models(models, [Eager(), Onnxruntime()], ONE_LAYER.tokenizer(), BINARY, lambda text: None)
    assert set(found) == {"eager float32", "onnxruntime float32"}
    assert [cost.rounds for cost in found["eager float32"]] == [few_rounds] * 2


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.slow
def test_a_model_is_timed_as_it_is_stored():
    model = ONE_LAYER.network(BINARY).eval()
    rounded = copy.deepcopy(model)
    fake_quantize.prepare(rounded, Int8(Int8Rows()))
    models = [fake_quantize.convert(rounded)]
    found = time_models(models, [Eager(), Onnxruntime()], ONE_LAYER.tokenizer(), BINARY, lambda text: None)
    assert set(found) == {"eager int8", "onnxruntime int8"}
    with pytest.raises(RunError, match="No engine of the run could be timed"):
        time_models([*models, model], [Eager()], ONE_LAYER.tokenizer(), BINARY, lambda text: None)


def test_an_engine_counts_only_if_it_ran_every_model():
    with pytest.raises(RunError, match="No engine of the run could be timed"):
        by_engine(Measurement(skipped={"inductor": "no compiler"}), 7)
