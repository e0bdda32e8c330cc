import json
from dataclasses import replace

import pytest
import torch

from accel.cli import main
from accel.config.compose import compose
from accel.core.console import Console
from accel.core.facts import LatencyTable
from accel.core.family import CHANNELS, HEADS
from accel.measure.latency_table import LEAST_MS, _counts, fit, latency_table
from accel.measure.timing import Cost
from accel.objective.classification import Classification
from accel.ops.quantize.quantized_layers import multiplies_int8
from accel.plan.decide import decide

SIZES = [
    {"layers": layers, HEADS: heads * layers, CHANNELS: channels * layers}
    for layers, heads, channels in (
        (6, 12, 1536), (6, 6, 1536), (6, 12, 768), (6, 6, 768), (6, 3, 384), (6, 1, 160), (3, 12, 1536)
    )
]  # fmt: skip

BINARY = Classification(["a", "b"])


def times(base, layer, head, channel):
    return [base + layer * s["layers"] + head * s[HEADS] + channel * s[CHANNELS] for s in SIZES]


def test_the_fit_finds_what_each_part_costs():
    table = fit({"slow": times(9, 1, 1, 1), "fast int8": times(1.5, 0.2, 0.03, 0.0004)}, SIZES)
    assert table.engine == "fast int8"
    assert (table.base_ms, table.per_layer_ms) == (pytest.approx(1.5), pytest.approx(0.2))
    assert table.per_unit_ms == {HEADS: pytest.approx(0.03), CHANNELS: pytest.approx(0.0004)}
    assert table.worst_error < 1e-9


def test_a_distance_from_the_plane_is_told():
    bent = times(1.5, 0.2, 0.03, 0.0004)
    bent[3] *= 1.3
    assert 0.05 < fit({"x": bent}, SIZES).worst_error < 0.3


def test_nothing_is_free():
    table = fit({"x": times(2, 0.1, -0.01, 0.001)}, SIZES)
    assert table.per_unit_ms[HEADS] == LEAST_MS


def plan_of(tiny_run, tmp_path, *words):
    return decide(compose([
        *tiny_run, "compression=[prune,qat]", "compression.prune.target_latency_ms=1", f"cache={tmp_path / 'cache'}",
        *words,
    ]))  # fmt: skip


def by_parts(models, engines, *_):
    """As time_models does, without a clock: a plane over what is in each model, and an engine that is slower."""
    assert [engine.option_name() for engine in engines] == ["eager"]
    assert all(multiplies_int8(model) for model in models)
    ms = [1.5 + 0.2 * n["layers"] + 0.03 * n[HEADS] + 0.0004 * n[CHANNELS] for n in map(_counts, models)]
    cost = Cost(10, 1.0, 100, 20, 0.0, 0.0, (0.0, 0.0), 50.0, None, "eager", "int8", 1, 128, 2, 15)
    return {
        "slower int8": [replace(cost, latency_ms_p50=2 * each) for each in ms],
        "eager int8": [replace(cost, latency_ms_p50=each, latency_ms_p95=each**2) for each in ms],
    }


def test_sizes_that_tell_layers_heads_and_channels_apart_are_timed_as_they_are_stored(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("accel.measure.latency_table.time_models", by_parts)
    plan = plan_of(tiny_run, tmp_path)
    table, _ = latency_table(plan, plan.model.tokenizer(), BINARY, Console(None, silent=True))
    assert [(p["layers"], p[HEADS], p[CHANNELS]) for p in table.points] == [
        (2, 8, 512), (2, 4, 512), (2, 8, 256), (2, 4, 256), (2, 2, 128), (2, 2, 64), (1, 4, 256)
    ]  # fmt: skip
    assert table.engine == "eager int8"
    assert (table.base_ms, table.per_layer_ms) == (pytest.approx(1.5), pytest.approx(0.2))
    assert table.per_unit_ms == {HEADS: pytest.approx(0.03), CHANNELS: pytest.approx(0.0004)}


def test_it_is_measured_once_for_each_machine_engine_and_number_of_threads(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("accel.measure.latency_table.time_models", by_parts)
    plan = plan_of(tiny_run, tmp_path)
    console = Console(None, silent=True)
    made, reused = latency_table(plan, plan.model.tokenizer(), BINARY, console)
    assert not reused
    assert made.engine == "eager int8"
    assert len(made.points) == 7
    assert made.points[0][HEADS] == 8
    assert latency_table(plan, plan.model.tokenizer(), BINARY, console) == (made, True)
    (file,) = (tmp_path / "cache" / "latency").glob("*.json")
    file.write_text("{")
    assert not latency_table(plan, plan.model.tokenizer(), BINARY, console)[1]
    other = plan_of(tiny_run, tmp_path, "compression.qat.embeddings=false")
    assert not latency_table(other, plan.model.tokenizer(), BINARY, console)[1]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert not latency_table(plan, plan.model.tokenizer(), BINARY, console)[1]


@pytest.mark.slow
@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize(("chosen", "dtype"), [("prune", "float32"), ("prune,qat", "int8")])
def test_no_time_is_promised_in_a_type_that_the_run_does_not_export(tiny_run, tmp_path, monkeypatch, chosen, dtype):
    seen = []
    monkeypatch.setattr(
        "accel.measure.latency_table.fit", lambda times, counts: seen.append(set(times)) or fit(times, counts)
    )
    monkeypatch.setattr(
        "accel.measure.latency_table.SHARES", [(1.0, 1.0)]
    )  # it and half of its layers: each is exported
    words = [f"compression=[{chosen}]", "engines=[onnxruntime]"]
    plan = plan_of(tiny_run, tmp_path, *words)
    latency_table(plan, plan.model.tokenizer(), BINARY, Console(None, silent=True))
    assert seen == [{f"onnxruntime {dtype}"}]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), [("target_flops", 0.5), ("target_size_mb", 0.12)])
def test_a_run_meets_its_budget(tiny_run, tmp_path, name, value):
    words = ["compression=[prune,qat]", "compression.prune.every_steps=1", "compression.prune.multiple_of=8"]
    assert main([*tiny_run, *words, f"compression.prune.{name}={value}"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}["prune"]
    assert evidence[name] == value
    assert 0.85 * value < evidence["cost"] <= value
    header_mb = 0.02
    found = {
        "target_flops": record["after"]["cost"]["flops"] / record["before"]["cost"]["flops"],
        "target_size_mb": (tmp_path / "run" / "model" / "model.safetensors").stat().st_size / 1e6,
    }[name]
    assert evidence["cost"] == pytest.approx(found, rel=1e-6, abs=header_mb if name == "target_size_mb" else 0)


@pytest.mark.slow
def test_a_run_with_a_budget_of_time_uses_the_table(tiny_run, tmp_path, monkeypatch):
    table = LatencyTable("eager float32", 2, 1.0, 0.5, {HEADS: 0.25, CHANNELS: 0.001}, [])
    monkeypatch.setattr("accel.measure.latency_table._measure", lambda *_: table)
    words = ["compression=[prune]", "compression.prune.every_steps=1", f"cache={tmp_path / 'cache'}"]
    assert main([*tiny_run, *words, "compression.prune.target_latency_ms=3.2"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}["prune"]
    assert evidence["cost_unit"] == "latency_ms"
    assert evidence["cost"] <= 3.2
    assert record["reused"]["latency_table"] is False
    assert record["latency_table"]["engine"] == "eager float32"


def test_a_budget_that_cannot_be_met_ends_before_the_baseline_is_trained(tiny_run, capsys, tmp_path):
    words = ["compression=[prune]", "compression.prune.target_flops=0.01", f"cache={tmp_path / 'cache'}"]
    assert main([*tiny_run, *words]) == 2
    out = capsys.readouterr().out
    assert "compression.prune.target_flops=0.01 cannot be met" in out
    assert "baseline 1" not in out
    assert not (tmp_path / "cache" / "baselines").exists()
