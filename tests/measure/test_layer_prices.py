from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accel.config.compose import compose
from accel.engines.cuda import Cuda
from accel.engines.onnxruntime import Onnxruntime
from accel.measure import layer_prices
from accel.measure.layer_prices import _finished, _weights, full_precision_prices, shared_out
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.quantized_layers import Int8Linear
from accel.ops.quantize.schemes import Int8
from accel.ops.structured.structure import KEEP
from accel.ops.structured.unit_masks import attach
from accel.plan.decide import decide

WEIGHTS = {"layer.0.query": 30, "layer.1.query": 10, "layer.0.out": 5, "layer.1.out": 5, "pooler": 7}


@dataclass
class Timed:
    """What is asked of a cost."""

    latency_ms_p50: float
    noise: float = 0.0
    label: str = "eager int8"
    num_threads: int = 2

    @property
    def latency_ms_p50_interval(self):
        return self.latency_ms_p50 - self.noise, self.latency_ms_p50 + self.noise


KINDS = {"layer.*.query": 2.4, "layer.*.out": 1.9, "pooler": 2.0}


def test_a_kind_costs_what_it_adds_and_its_layers_their_share_of_it():
    found = shared_out(Timed(2.0), {kind: Timed(ms) for kind, ms in KINDS.items()}, WEIGHTS)
    assert (found.engine, found.num_threads) == ("eager int8", 2)
    assert found.rounded_ms == 2.0
    assert found.kinds_ms == {
        "layer.*.query": pytest.approx(0.4), "layer.*.out": pytest.approx(-0.1), "pooler": pytest.approx(0),
    }  # fmt: skip
    assert found.per_layer_ms == {
        "layer.0.query": pytest.approx(0.3), "layer.1.query": pytest.approx(0.1),
        "layer.0.out": pytest.approx(-0.05), "layer.1.out": pytest.approx(-0.05), "pooler": pytest.approx(0),
    }  # fmt: skip


def test_what_may_be_noise_is_no_gain():
    """A kind that seems 0.1 ms faster unrounded, give or take as much, is not called faster."""
    found = shared_out(Timed(2.0, 0.06), {kind: Timed(ms, 0.06) for kind, ms in KINDS.items()}, WEIGHTS)
    assert found.kinds_ms["layer.*.out"] == pytest.approx(0.02)
    clear = shared_out(Timed(2.0, 0.04), {kind: Timed(ms, 0.04) for kind, ms in KINDS.items()}, WEIGHTS)
    assert clear.kinds_ms["layer.*.out"] == pytest.approx(-0.02)  # negative control


def test_layers_share_by_what_is_left_of_them():
    """A masked layer keeps its size while it trains; negative control: in the trained model both are equal."""
    plan = decide(compose(["model=tiny_bert", "task=airline", "compression=[prune,qat]"]))
    model = TinyBert().network(Classification(["a", "b"]))
    attach(model)
    fake_quantize.prepare(model, Int8(Int8Rows()))
    names = [f"bert.encoder.layer.{n}.intermediate.dense" for n in range(2)]
    keep = model.get_submodule("bert.encoder.layer.1.output.dense").get_buffer(KEEP)
    keep[: len(keep) // 4] = False
    finished = _weights(_finished(model, plan, ()), names)
    assert finished[names[1]] == pytest.approx(0.75 * finished[names[0]])
    assert len({model.get_submodule(name).weight.numel() for name in names}) == 1
    assert type(_finished(model, plan, names).get_submodule(names[0])) is nn.Linear
    assert type(_finished(model, plan, ()).get_submodule(names[0])) is Int8Linear


def test_kinds_are_timed_on_the_engine_that_is_fastest_rounded_with_the_threads_of_the_run(monkeypatch):
    """Slower unrounded than another engine or not; the training process has fewer threads than the measurement."""
    asked = []

    @dataclass
    class OfEngine(Timed):
        engine: str = "onnxruntime"

    def timed(models, engines, *_):
        asked.append(
            (models, [engine.option_name() for engine in engines], torch.get_num_threads(), float(torch.rand(1)))
        )
        if len(asked) == 1:
            return {"eager int8": [OfEngine(3.0, engine="eager")], "onnxruntime int8": [OfEngine(2.0)]}
        return {"onnxruntime int8": [OfEngine(2.0), OfEngine(2.4), OfEngine(1.9), OfEngine(2.0)]}

    monkeypatch.setattr(layer_prices, "time_models", timed)
    monkeypatch.setattr(layer_prices, "_finished", lambda model, plan, left: tuple(left))
    monkeypatch.setattr(layer_prices, "_weights", lambda model, names: WEIGHTS)
    noted = set()
    monkeypatch.setattr(layer_prices, "note_inputs", lambda model, names: noted.add(names))
    plan = SimpleNamespace(engines=(Cuda(), Onnxruntime()))
    data = SimpleNamespace(tokenizer=None, objective=None, input_names=("input_ids", "attention_mask"))
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    found = full_precision_prices(nn.Identity(), WEIGHTS, plan, data, print, num_threads=threads + 1)
    kinds = [("layer.0.query", "layer.1.query"), ("layer.0.out", "layer.1.out"), ("pooler",)]
    assert [(models, engines) for models, engines, *_ in asked] == [
        ([()], ["onnxruntime", "eager"]), ([(), *kinds], ["onnxruntime"]),
    ]  # fmt: skip
    assert {number for _, _, number, _ in asked} == {threads + 1}
    assert noted == {data.input_names}
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert found.per_layer_ms["layer.0.query"] == pytest.approx(0.3)


@pytest.mark.slow
@pytest.mark.usefixtures("few_rounds")  # every kind of layer is a model to time
@pytest.mark.parametrize(
    "words",
    [
        ["compression=[qat]"],
        pytest.param(["compression=[ptq]", "engines=[onnxruntime]", "model.num_layers=1"], marks=pytest.mark.full),
        pytest.param(
            ["compression=[ptq]", "engines=[onnxruntime,openvino]", "model.num_layers=1"], marks=pytest.mark.full
        ),
        ["compression=[prune,vocabulary,qat,distill]", "compression.qat.begin=0.6"],
        pytest.param(["compression=[layers,mask,qat]"], marks=pytest.mark.full),
        pytest.param(["compression=[qat]", "tuning=lora"], marks=pytest.mark.full),
        pytest.param(["compression=[qat]", "model=tiny_gpt2"], marks=pytest.mark.full),
        pytest.param(["compression=[ptq]", "model=tiny_t5"], marks=pytest.mark.full),
        pytest.param(["compression=[qat]", "strategy=ddp"], marks=pytest.mark.full),
    ],
)
def test_a_whole_run_spends_time_on_the_layers_that_need_it(tiny_run, tmp_path, words):
    """What is chosen is in full precision in the finished model; where much may be spent, nothing rounded may be left."""
    from accel.cli import main
    from accel.report.record import read_record
    from accel.weights.artifact import load_model

    option = "ptq" if "ptq" in words[0] else "qat"
    words = [*words, f"compression.{option}.full_precision=0.9", f"compression.{option}.full_precision_of=latency"]
    assert main([*tiny_run, *words]) == 0
    record = read_record(tmp_path / "run")
    evidence = next(t["evidence"] for t in record["techniques"] if t["name"] == option)
    cost = evidence["full_precision_cost"]
    names = [name for name, why in evidence["full_precision_layers"].items() if why.startswith("kept")]
    model = load_model(tmp_path / "run" / "model")
    assert all(type(model.get_submodule(name)).__name__ == "Linear" for name in names)
    assert 0 <= cost["spent"] <= cost["budget"] == pytest.approx(0.9 * cost["rounded_ms"])
    assert names or min(cost["kinds_ms"].values()) > cost["budget"]  # a busy machine may price everything beyond it
