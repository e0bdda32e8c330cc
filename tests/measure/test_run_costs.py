from pathlib import Path

import numpy as np
import pytest
from torch import nn

from accel.core.console import Console
from accel.core.facts import SEQUENCE_LENGTH
from accel.engines.aotinductor import Aotinductor
from accel.engines.eager import Eager, EagerRunner
from accel.engines.onnxruntime import ONNX, ONNX_INT8, Onnxruntime
from accel.engines.openvino import Openvino
from accel.export.export import Exported
from accel.export.formats import Format
from accel.measure import run_costs
from accel.measure.cold_load import ColdLoad
from accel.measure.run_costs import _parameters, candidates, dense_candidates, measure_run
from accel.measure.timing import THROUGHPUT_BATCH, Candidate, Cost, Measurement, Size
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.objective.scores import Report
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int4WeightOnly, Int8

SIZE = Size(10, 1.0, 20)
ENGINES = (Aotinductor(), Eager(), Onnxruntime(), Openvino())


def test_scales_are_no_parameters_and_embeddings_count():
    model = TinyBert().network(Classification(["a", "b"]))
    before = _parameters(model)[0]
    fake_quantize.prepare(model, Int8(Int8Rows()))
    assert _parameters(fake_quantize.convert(model))[0] == before


def test_an_int8_model_is_measured_in_int8(tmp_path):
    model = TinyBert().network(Classification(["a", "b"])).eval()
    assert [c.label for c in candidates(model, tmp_path.parent, [Onnxruntime()])] == []
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert [c.label for c in candidates(model, tmp_path, [Eager()])] == ["eager float32"]
    fake_quantize.prepare(model, Int8(Int8Rows()))
    fake_quantize.convert(model)
    assert [c.label for c in candidates(model, tmp_path, [Eager()])] == ["eager int8"]


class Spy:
    """Stands for what times engines, and notes what it was given to time."""

    def __call__(self, before, after, inputs, batch, *, beside, rounds, on_progress):
        self.rounds = rounds
        self.before, self.after, self.beside, self.inputs, self.batch = before, after, beside, inputs, batch
        found = Measurement(noise_ratio=1.25, skipped={"inductor": "no compiler"})
        found.before = [cost("eager", 8.0, size=100), cost("inductor", 4.0, size=300)]
        found.after = [cost("onnxruntime", 3.0, size=5), cost("inductor", 2.0, size=25), cost("eager", 6.0, size=25)]
        found.beside = [cost("openvino", 7.0)]
        return found


def cost(engine, ms, size=1):
    return Cost(10, 1.0, size, 20, ms, 10 * ms, (ms, ms), 50.0, None, engine, "float32", 1, SEQUENCE_LENGTH, 2, 15)


@pytest.fixture
def spy(monkeypatch):
    spy = Spy()
    monkeypatch.setattr(run_costs, "measure", spy)
    monkeypatch.setattr(run_costs, "dense_candidates", lambda folder, engines, console: [folder, *engines])
    monkeypatch.setattr(run_costs, "candidates", lambda *told: [Candidate("eager", "float32", EagerRunner, SIZE)])
    monkeypatch.setattr(
        run_costs, "cold_load", lambda runner, path, given, rounds: ColdLoad(len(given["input_ids"]), 4.0)
    )
    return spy


def measured(tmp_path, dense, formats=("safetensors",)):
    exports = [{"format": name} for name in formats]
    record = {"exports": exports, "before": {"metrics": 1} if dense else None, "after": {"metrics": 2}}
    exported = Exported(TinyBert().network(Classification(["a", "b"])), Report({}), [], {"pt2": "no compiler"})
    measure_run(record, exported, dense, ENGINES, Console(None, silent=True), tmp_path)
    return record


def test_both_sides_are_timed_on_one_text_and_on_a_batch_of_it(spy, tmp_path):
    measured(tmp_path, Path("dense"))
    assert (spy.before, [c.label for c in spy.after]) == ([Path("dense"), *ENGINES], ["eager float32"])
    for name in ("input_ids", "attention_mask"):
        assert spy.inputs[name].shape == (1, SEQUENCE_LENGTH)
        assert np.array_equal(spy.batch[name], np.repeat(spy.inputs[name], THROUGHPUT_BATCH, axis=0))
    assert spy.inputs["attention_mask"].all()  # no padding, which an engine might leave out


def test_engines_are_timed_as_often_as_the_run_asks_for(spy, tmp_path):
    record = {"exports": [], "before": None, "after": {}}
    exported = Exported(TinyBert().network(Classification(["a", "b"])), Report({}), [], {})
    measure_run(record, exported, None, ["eager"], Console(None, silent=True), tmp_path, 5)
    assert spy.rounds == 5


def test_each_side_s_cost_is_its_fastest_engine_s(spy, tmp_path):
    record = measured(tmp_path, Path("dense"))
    for side, metrics, ms in (("before", 1, [8.0, 4.0]), ("after", 2, [3.0, 2.0, 6.0])):
        assert record[side]["metrics"] == metrics
        assert record[side]["cost"]["latency_ms_p50"] == min(ms)
        assert [engine["latency_ms_p50"] for engine in record[side]["engines"]] == ms
    found = record["measurement"]
    assert (found["speedup_vs_best_dense"], found["speedup_vs_eager"], found["size_ratio"]) == (2.0, 4.0, 4.0)
    assert found["skipped"] == {"inductor": "no compiler", "pt2": "no compiler"}
    assert found["noise_ratio"] == 1.25


def test_without_a_dense_model_there_is_no_before(spy, tmp_path):
    record = measured(tmp_path, None)
    assert (record["before"], spy.before) == (None, [])
    assert record["after"]["cost"]["latency_ms_p50"] == 2.0


def test_every_file_has_the_figures_of_its_own_engine(spy, tmp_path):
    record = measured(tmp_path, None, ("safetensors", "onnx", "openvino", "pt2"))
    assert [e["latency_ms_p50"] for e in record["exports"]] == [6.0, 3.0, 7.0, None]
    assert [e.get("cold_load_ms") for e in record["exports"]] == [None, *[SEQUENCE_LENGTH] * 3]
    assert [c.label for c in spy.beside] == ["aotinductor float32", "onnxruntime float32", "openvino float32"]


def test_parameters_are_counted_once_and_zeros_apart():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 4, bias=False), nn.Linear(3, 4, bias=False))
    model[2].weight = model[1].weight
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    model[0].weight.data[0, :3] = 0
    assert _parameters(model) == (4 * 3 + 3 + 3 * 4, 4 * 3 + 3 + 3 * 4 - 3)


def test_two_weights_in_a_byte_are_two():
    model = TinyBert().network(Classification(["a", "b"]))
    before = _parameters(model)[0]
    fake_quantize.prepare(model, Int4WeightOnly(Int8Rows()))
    assert _parameters(fake_quantize.convert(model))[0] == before


def test_the_dense_model_is_measured_as_every_file_that_a_user_could_take_instead(monkeypatch, tmp_path):
    """In int8 too, which costs no training; made once, as the folder is that of the cache."""
    made = []
    model = TinyBert().network(Classification(["a", "b"])).eval()
    monkeypatch.setattr(run_costs.artifact, "load_model", lambda folder: model)
    monkeypatch.setattr(Format, "write", lambda self, model, folder: made.append(self) or (folder / self.file).touch())
    monkeypatch.setattr(Onnxruntime, "write_dense_int8", lambda self, model, folder, f: f.write(model, folder))
    (tmp_path / "model.safetensors").touch()
    for _ in range(2):
        found = dense_candidates(tmp_path, [Eager(), Onnxruntime()], Console(None, silent=True))
        assert [c.label for c in found] == ["eager float32", "onnxruntime float32", "onnxruntime int8"]
        assert made == [ONNX, ONNX_INT8]
