from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from accel.config.compose import compose
from accel.data.prepared import prepare
from accel.forecast import measured
from accel.forecast.device import Kind, Link
from accel.forecast.measured import as_device, fit_line, fit_link, fit_overhead, fit_pace, time_steps
from accel.forecast.outlook import outlook, work_of
from accel.forecast.spread import Collective
from accel.forecast.steps import Line, step_time
from accel.plan.decide import decide
from accel.strategy.single import Single


@pytest.mark.parametrize("kind", Kind)
def test_alpha_and_beta_are_found_again(kind):
    """From the times that the forecast itself gives a collective of four ranks."""
    link = Link(alpha_s=3e-5, beta_bytes_per_s=2e9)
    points = [(size, Collective(size, 1, kind, hidden=False).seconds(4, link)) for size in (1e5, 1e6, 1e7)]
    found = fit_link(kind, 4, points)
    assert found.alpha_s == pytest.approx(link.alpha_s)
    assert found.beta_bytes_per_s == pytest.approx(link.beta_bytes_per_s)


def test_a_line_is_found_again_and_never_falls_below_zero():
    pace = fit_pace([(tokens, 0.05 + 2e-4 * tokens, 0.01) for tokens in (256.0, 512.0, 1024.0)])
    assert (pace.passes.at_rest_s, pace.passes.per_token_s, pace.optimizer_s) == pytest.approx((0.05, 2e-4, 0.01))
    noisy = fit_line([(256.0, 0.02), (512.0, 0.1), (1024.0, 0.3)])
    assert noisy.at_rest_s == 0
    assert 1e-4 < noisy.per_token_s < 3e-4
    falling = fit_line([(256.0, 0.3), (512.0, 0.2), (1024.0, 0.1)])
    assert (falling.at_rest_s, falling.per_token_s) == pytest.approx((0.2, 0))


def test_what_a_model_in_parts_takes_beyond_computing_and_exchanging_is_found_again():
    """From the times that the forecast itself gives with it, and those without it."""
    plan = decide(compose(["model=tiny_bert", "strategy=fsdp", "strategy.processes=2", "trainer.precision=fp32"]))
    links = {kind: Link(alpha_s=1e-3, beta_bytes_per_s=1e8) for kind in Kind}
    pace = fit_pace([(tokens, 0.05 + 2e-4 * tokens, 0.01) for tokens in (256.0, 1024.0)])
    device = as_device(work_of(plan), plan.strategy, pace, links)

    def timings(overhead):
        for tokens in (256, 512, 1024):
            work, known = replace(work_of(plan), tokens=tokens), replace(pace, overhead=overhead)
            expected = step_time(work, plan.strategy.spread(), device, 2, known)
            assert expected.overhead_s == pytest.approx(overhead.seconds(work))
            yield tokens, expected.total_s - expected.optimizer_s, expected.optimizer_s

    for overhead in (Line(0.1, 3e-5), Line(0.0, 0.0)):
        found = fit_overhead(list(timings(overhead)), plan, device, pace)
        assert (found.at_rest_s, found.per_token_s) == pytest.approx((overhead.at_rest_s, overhead.per_token_s))


@pytest.fixture
def alone(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_the_forecast_rests_on_what_was_measured(alone, tiny_csv, monkeypatch):
    """Steps are timed by a clock that charges a millisecond per token, so the forecast must say that again."""
    words = ["task=text_classification", f"task.train={tiny_csv}", "model=tiny_bert", "strategy=ddp"]
    plan = decide(compose([*words, "trainer.batch_tokens=512", "trainer.precision=fp32"]))
    sizes = []
    original = measured._pass
    monkeypatch.setattr(
        measured, "_pass", lambda p, m, batch: sizes.append(batch["input_ids"].numel()) or original(p, m, batch)
    )

    def clock(run):
        count = len(sizes)
        run()
        return sizes[-1] / 1e3 if len(sizes) > count else 0.25

    monkeypatch.setattr(measured, "seconds_of", clock)
    pace = fit_pace(time_steps(replace(plan, strategy=Single()), prepare(plan.task.load(0), plan), rank=0))
    assert len(sizes) == len(measured.SHARES) * measured.STEPS
    assert max(sizes) <= 512
    assert pace.passes.per_token_s == pytest.approx(1e-3)
    links = {kind: Link(alpha_s=1e-3, beta_bytes_per_s=1e8) for kind in Kind}
    device = as_device(work_of(plan), plan.strategy, pace, links)
    two = outlook(plan, device, pace).times[1]
    assert two.ranks == 2
    assert two.compute_s == pytest.approx(0.512)
    assert two.optimizer_s == pytest.approx(0.25)
    assert two.exposed_s == two.exchange_s > 0


@pytest.mark.parametrize(("strategy", "alike"), [("single", False), ("ddp", False), ("tensor_parallel", True)])
def test_every_rank_has_batches_and_split_ones_the_same(tiny_csv, strategy, alike):
    """However few batches there are; a rank without any would keep the others waiting."""
    words = ["task=text_classification", f"task.train={tiny_csv}", "model=tiny_bert", f"strategy={strategy}"]
    plan = decide(compose([*words, "trainer.batch_tokens=4096"]))
    data = prepare(plan.task.load(0), plan)
    first, last = (next(measured._batches(plan, data, 1.0, rank))["input_ids"] for rank in (0, 1))
    assert next(measured._batches(plan, data, 1.0, 63))["input_ids"].numel()
    assert torch.equal(first, last) is alike


def test_what_was_measured_of_a_kind_goes_before_the_link():
    plan = decide(compose(["model=tiny_bert", "strategy=fsdp"]))
    slow = Link(alpha_s=1.0, beta_bytes_per_s=1e8)
    fast = Link(alpha_s=1e-6, beta_bytes_per_s=1e8)
    links = {Kind.all_reduce: fast, Kind.all_gather: slow, Kind.reduce_scatter: fast}
    device = as_device(work_of(plan), plan.strategy, fit_pace([(1.0, 1.0, 1.0), (2.0, 2.0, 1.0)]), links)
    assert device.link(2, Kind.all_gather) is slow
    assert device.link(512, Kind.reduce_scatter) is fast
