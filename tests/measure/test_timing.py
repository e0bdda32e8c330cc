import gc
import statistics
from dataclasses import replace

import numpy as np
import pytest
import torch

from accel.core.engine import EngineUnavailableError, Runner
from accel.export.onnx import random_inputs
from accel.measure import timing
from accel.measure.timing import (
    MIN_ROUNDS,
    THROUGHPUT_BATCH,
    Candidate,
    Cost,
    Measurement,
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
MANY = {"input_ids": np.ones((THROUGHPUT_BATCH, 8), dtype=np.int64)}
SIZE = Size(10, 1.0, 20)


class Clock:
    """Says what engines have taken, however busy the machine is."""

    now = 0.0

    def perf_counter(self):
        return Clock.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("accel.measure.timing.time", Clock())


class Sleeper(Runner):
    def __init__(self, seconds, dtype="float32", size_bytes=100):
        super().__init__(dtype, size_bytes)
        self.seconds = seconds

    def run(self, inputs):
        Clock.now += self.seconds
        return np.zeros((1, 2), dtype=np.float32)


def candidate(seconds, dtype="float32", size_bytes=100):
    return Candidate("eager", dtype, lambda: Sleeper(seconds, dtype, size_bytes), SIZE)


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

    found = measure([], [Candidate("inductor", "int8", missing, SIZE), candidate(0.001)], ONE, ONE, rounds=15)
    assert found.skipped == {"inductor int8 (after)": "no compiler"}
    assert len(found.after) == 1
    assert "speedup_vs_eager" not in summarize(found)
    assert summarize(measure([], [Candidate("x", "int8", missing, SIZE)], ONE, ONE)) == {
        "skipped": {"x int8 (after)": "no compiler"}
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


class Told(Runner):
    """Takes the times that it is told, one after the other, and notes what it was asked."""

    def __init__(self, who, calls, one_ms, many_s):
        super().__init__("float32", 100)
        self.who, self.calls = who, calls
        self.one_ms, self.many_s = iter(one_ms), iter(many_s)

    def prepare(self, inputs):
        self.calls.append((self.who, "prepare", inputs))

    def run(self, inputs):
        self.calls.append((self.who, "run", inputs))
        Clock.now += next(self.many_s) if inputs is MANY else next(self.one_ms) / 1e3
        return np.zeros((1, 2), dtype=np.float32)

    def close(self):
        self.calls.append((self.who, "close", None))


def told(who, calls, one_ms=None, many_s=(0.1, 0.4, 0.2), size=SIZE):
    return Candidate("told", "float32", lambda: Told(who, calls, one_ms or [1.0] * 99, many_s), size)


@pytest.fixture
def in_order(monkeypatch):
    """Engines are called in the order of their sides, the first one's second time at the end of a round."""
    monkeypatch.setattr("random.Random.shuffle", lambda self, turns: None)


SLOWER, FASTER = [float(ms) for ms in range(21, 36)], [float(ms) for ms in range(1, 16)]


@pytest.mark.parametrize("side", ["after", "beside"])
def test_what_is_noted_of_an_engine_is_what_its_calls_took(in_order, side):
    """The before side's first engine is called twice a round: its own times are the odd ones."""
    calls = []
    before = told("a", calls, [ms for pair in zip(SLOWER, SLOWER, strict=True) for ms in pair], (1.0, 3.0, 2.0))
    sides = {"after": [], "beside": []} | {side: [told("b", calls, FASTER, size=Size(3, 0.5, 7))]}
    found = measure([before], sides["after"], ONE, MANY, beside=sides["beside"], rounds=15)
    (slow,), (fast,) = found.before, getattr(found, side)
    assert (slow.latency_ms_p50, fast.latency_ms_p50) == (pytest.approx(28), pytest.approx(8))
    assert (slow.latency_ms_p95, fast.latency_ms_p95) == (pytest.approx(34.3), pytest.approx(14.3))
    for cost in (slow, fast):
        assert cost.latency_ms_p50_interval[0] < cost.latency_ms_p50 < cost.latency_ms_p50_interval[1]
    assert (slow.throughput_per_s, fast.throughput_per_s) == (pytest.approx(8), pytest.approx(80))
    assert (fast.num_parameters, fast.nonzero_fraction, fast.flops) == (3, 0.5, 7)
    assert (slow.num_parameters, slow.nonzero_fraction, slow.flops) == (10, 1.0, 20)
    assert (fast.batch_size, fast.sequence_length, fast.rounds, fast.size_bytes) == (1, 8, 15, 100)
    assert (fast.engine, fast.dtype, fast.num_threads) == ("told", "float32", torch.get_num_threads())


def test_every_side_is_given_the_very_same_inputs():
    calls = []
    measure([told("a", calls)], [told("b", calls)], ONE, MANY, beside=[told("c", calls)], rounds=15)
    for who in "abc":
        given = [inputs for name, what, inputs in calls if name == who and what != "close"]
        assert all(inputs is ONE or inputs is MANY for inputs in given)
        assert [inputs is MANY for inputs in given[:2]] == [False, True]  # made ready for both
        assert sum(inputs is MANY for inputs in given) == 1 + 3
        assert sum(inputs is ONE for inputs in given) == 1 + (30 if who == "a" else 15)
    assert [name for name, what, _ in calls if what == "close"] == ["a", "b", "c"]


def test_engines_take_turns_in_an_order_that_changes():
    calls = []
    measure([told("a", calls)], [told("b", calls), told("c", calls)], ONE, MANY, rounds=15)
    order = [name for name, what, inputs in calls if what == "run" and inputs is ONE]
    rounds = [tuple(order[i : i + 4]) for i in range(0, 60, 4)]
    assert all(sorted(names) == ["a", "a", "b", "c"] for names in rounds)
    assert len({names.index("b") for names in rounds}) == 4  # each place, and so each predecessor


def test_noise_is_an_engine_against_itself(in_order):
    calls = []
    found = measure([told("a", calls, [2.0, 3.0] * 15)], [told("b", calls)], ONE, MANY, rounds=15)
    assert found.noise_ratio == pytest.approx(1.5)
    assert summarize(found)["noise_ratio"] == pytest.approx(1.5)


def test_a_slow_machine_gets_fewer_rounds_and_never_too_few():
    slow = told("a", [], [5000.0] * 99, [9.0] * 9)
    (cost,) = measure([], [slow], ONE, MANY, rounds=40).after
    assert cost.rounds == MIN_ROUNDS
    (cost,) = measure([], [told("a", [], many_s=[0.1] * 9)], ONE, MANY, rounds=40).after
    assert cost.rounds == 40


def test_no_garbage_is_collected_while_the_clock_runs():
    seen = []

    class Looks(Told):
        def run(self, inputs):
            seen.append(gc.isenabled())
            return super().run(inputs)

    with pytest.raises(StopIteration):  # it is told too few times, so the measurement fails on its way
        measure(
            [], [Candidate("a", "float32", lambda: Looks("a", [], [1.0] * 9, [1.0] * 9), SIZE)], ONE, MANY, rounds=15
        )
    assert set(seen) == {False}
    assert gc.isenabled()


def test_memory_is_what_the_process_grew_until_the_engine_had_answered_one_example(monkeypatch):
    told_of = {"VmRSS": 100, "VmHWM": 160}
    monkeypatch.setattr(timing, "_status", told_of.get)

    class Grows(Told):
        def prepare(self, inputs):
            told_of["VmHWM"] = 160 if inputs is ONE else 999

    grows = Candidate("a", "float32", lambda: Grows("a", [], [1.0] * 99, [1.0] * 9), SIZE)
    (cost,) = measure([], [grows], ONE, MANY, rounds=15).after
    assert cost.peak_memory_bytes == 60
    told_of |= {"VmRSS": None}
    (cost,) = measure([], [grows], ONE, MANY, rounds=15).after
    assert cost.peak_memory_bytes is None


COST = Cost(10, 1.0, 100, 20, 8.0, 9.0, (7.9, 8.1), 50.0, None, "eager", "float32", 1, 8, 2, 15)
BEST_DENSE = replace(
    COST,
    engine="inductor",
    latency_ms_p50=4.0,
    latency_ms_p50_interval=(3.9, 4.1),
    size_bytes=300,
    throughput_per_s=9.0,
)
BEST = replace(COST, dtype="int8", latency_ms_p50=2.0, latency_ms_p50_interval=(1.9, 2.1), size_bytes=25)
SMALL = replace(BEST, engine="onnxruntime", latency_ms_p50=3.0, size_bytes=5, throughput_per_s=99.0, latency_ms_p95=3.0)


def test_the_fastest_engine_is_the_one_with_the_least_median_whatever_its_size():
    for side in ([BEST, SMALL], [SMALL, BEST]):
        assert Measurement().fastest(side) is BEST


def test_a_summary_compares_the_fastest_after_with_the_fastest_and_the_plain_one_before():
    found = summarize(Measurement(before=[COST, BEST_DENSE], after=[SMALL, BEST]))
    assert found["speedup_vs_best_dense"] == 4.0 / 2.0
    assert found["speedup_vs_eager"] == 8.0 / 2.0
    assert (found["size_ratio"], found["size_ratio_over"]) == (100 / 25, "eager float32")
    assert found["verdict"].startswith("2.00x faster than the best dense engine")
    without_eager = summarize(Measurement(before=[BEST_DENSE], after=[BEST]))
    assert (without_eager["size_ratio"], without_eager["size_ratio_over"]) == (300 / 25, "inductor float32")


@pytest.mark.parametrize(("interval", "faster"), [((1.9, 3.8), True), ((1.9, 3.95), False)])
def test_medians_that_may_be_equal_are_no_speed_up(interval, faster):
    after = [replace(BEST, latency_ms_p50_interval=interval)]
    verdict = summarize(Measurement(before=[COST, BEST_DENSE], after=after))["verdict"]
    assert ("the intervals overlap" not in verdict) == faster
    assert verdict.startswith("Not shown") != faster


def test_the_interval_is_as_wide_as_the_confidence_asks():
    """Of the median of a sample, by its order statistics: about 5 % of all medians lie below the lower end."""
    values = [float(n) for n in range(1, 100)]
    (low, high), (lower, higher) = median_interval(values), median_interval(values, confidence=0.99)
    assert 40 < low < 44 < 56 < high < 60  # binomial: ranks 42 and 58
    assert lower < low < statistics.median(values) < high < higher
