import numpy as np
import pytest
import torch

from accel.engines import Engine, EngineUnavailableError
from accel.export.onnx import random_inputs
from accel.measure.timing import (
    Candidate,
    Size,
    count_flops,
    measure,
    median_interval,
    size_of,
    summarize,
)
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification

ONE = {"input_ids": np.ones((1, 8), dtype=np.int64)}
SIZE = Size(10, 1.0, 20)


class Clock:
    """Says what engines have taken, however busy the machine is."""

    now = 0.0

    def perf_counter(self):
        return Clock.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("accel.measure.timing.time", Clock())


class Sleeper(Engine):
    name = "eager"

    def __init__(self, seconds, dtype="float32", size_bytes=100):
        super().__init__(dtype, size_bytes)
        self.seconds = seconds

    def run(self, inputs):
        Clock.now += self.seconds
        return np.zeros((1, 2), dtype=np.float32)


def candidate(seconds, dtype="float32", size_bytes=100):
    return Candidate(f"eager {dtype}", lambda: Sleeper(seconds, dtype, size_bytes), SIZE)


def test_a_faster_model_is_faster_and_a_slower_one_is_called_no_speed_up():
    fast = summarize(measure([candidate(0.004)], [candidate(0.001, "int8", 20)], ONE, ONE, rounds=15))
    assert fast["speedup_vs_eager"] == pytest.approx(4)
    assert fast["size_ratio"] == 5
    assert "faster than the best dense engine" in fast["verdict"]
    assert fast["noise_ratio"] == pytest.approx(1)
    slow = summarize(measure([candidate(0.001)], [candidate(0.002, "int8")], ONE, ONE, rounds=15))
    assert slow["verdict"].startswith("No speed-up on this machine")


def test_an_engine_that_is_not_there_is_skipped_with_its_reason():
    def missing():
        raise EngineUnavailableError("no compiler")

    found = measure([], [Candidate("inductor int8", missing, SIZE), candidate(0.001)], ONE, ONE, rounds=15)
    assert found.skipped == {"inductor int8 (after)": "no compiler"}
    assert len(found.after) == 1
    assert "speedup_vs_eager" not in summarize(found)
    assert summarize(measure([], [Candidate("x", missing, SIZE)], ONE, ONE)) == {
        "skipped": {"x (after)": "no compiler"}
    }


def test_flops_are_those_of_the_matrix_products():
    option = TinyBert()
    model = option.network(Classification(["a", "b"])).eval()
    length, d, f, layers = 128, 64, 256, 2
    expected = layers * (2 * length * (4 * d * d + 2 * d * f) + 4 * length * length * d) + 2 * d * d + 2 * d * 2
    assert count_flops(model, random_inputs(model, 1, length)) == expected
    assert size_of(model, random_inputs(model, 1, 8), 100, 50).nonzero_fraction == 0.5


def test_the_interval_covers_the_median():
    values = torch.randn(200, generator=torch.Generator().manual_seed(0)).tolist()
    low, high = median_interval(values)
    assert low < np.median(values) < high
    assert high - low < 0.5


def test_what_is_measured_beside_is_never_the_choice():
    found = measure([], [candidate(0.002)], ONE, ONE, beside=[candidate(0.001, "int8")], rounds=15)
    assert [cost.dtype for cost in found.beside] == ["int8"]
    assert found.fastest(found.after).dtype == "float32"
