"""A run that ends in time: arithmetic on paces that are given, and one real run."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from accel.config.compose import compose
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.run import time_limit
from accel.run.time_limit import Allotted, Clock, Paces, again, end_s, note_end, shortened, within_limit
from accel.trainer.standard import Standard

PACES = Paces(own_s=2.0, dense_s=1.0, token_s=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A plan with a teacher, and its data; 10 steps an epoch."""
    folder = tmp_path_factory.mktemp("limit")
    file = folder / "a.csv"
    file.write_text("text,label\n" + "".join(f"a text of number {i},{'no' if i % 2 else 'yes'}\n" for i in range(200)))
    words = ["task=text_classification", f"task.train={file}", "model=tiny_bert", "tracker=none", "engines=[eager]"]
    words += ["compression=[distill]", "trainer.batch_size=16", "trainer.batch_tokens=null", "trainer.epochs=40"]
    plan = decide(compose([*words, f"cache={folder / 'cache'}"]))
    return plan, prepare(plan.task.load(plan.seed), plan)


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.setattr(time_limit, "timed", lambda *a: PACES)
    monkeypatch.setattr(time_limit, "passed_s", lambda: 10.0)
    monkeypatch.setattr(time_limit, "end_s", lambda *a: 20.0)

    def limited(limit, **more):
        plan = replace(made[0], trainer=replace(made[0].trainer, time_limit=limit))
        return SimpleNamespace(plan=plan, record={}, folder=tmp_path, resume=False, **more)

    return limited


def told(console_text):
    return " ".join(console_text.split())


def test_steps_of_run_and_baseline_share_what_the_limit_leaves(made, run, capsys):
    data, found = made[1], run("10m")
    wanted = data.total_steps(found.plan)
    clock = within_limit(found, data, None, Console(None))
    left = 600 * 0.97 - 10 - 20
    steps = int(left / (wanted * 3.0) * wanted)
    assert found.plan.trainer.max_steps == steps < wanted
    assert found.plan.trainer.time_limit is None
    dense = found.plan.trainer.for_baseline().max_steps
    assert 0.9 * steps <= dense <= steps
    assert steps * 2.0 + dense * 1.0 <= left, "it fits"
    assert clock == Clock(600.0, 20.0)
    said = told(capsys.readouterr().out)
    assert f"Cut: {steps} of {wanted} steps; {dense} steps of the baseline." in said
    words = found.record["time_limit"]["repeat"]
    assert words == ["trainer.time_limit=null", f"trainer.max_steps={steps}", f"trainer.baseline_steps={dense}"]
    assert decide(compose(words)).trainer.max_steps == steps


def test_what_fits_whole_is_left_as_it_is(made, run, capsys):
    found = run("10h")
    within_limit(found, made[1], None, Console(None))
    assert found.plan == made[0]
    assert "Everything fits." in capsys.readouterr().out
    assert found.record["time_limit"]["repeat"] == ["trainer.time_limit=null"]


def test_too_little_time_is_refused_with_what_it_takes(made, run):
    with pytest.raises(DataError, match="leaves no time to train: 10 steps .* take about 1 min"):
        within_limit(run("45s"), made[1], None, Console(None, silent=True))


def test_after_a_slow_baseline_fewer_steps_are_left(made, run, monkeypatch, capsys):
    found = run("10m")
    clock = within_limit(found, made[1], None, Console(None))
    before = found.plan.trainer.max_steps
    monkeypatch.setattr(time_limit, "passed_s", lambda: 400.0)
    again(found, made[1], clock, Console(None))
    assert found.plan.trainer.max_steps == int((582 - 400 - 20) / 2.0) < before
    assert f"trainer.max_steps={found.plan.trainer.max_steps}" in found.record["time_limit"]["repeat"]
    assert "After the baseline there is time for 81 of" in capsys.readouterr().out
    kept = json.loads((found.folder / time_limit.KEPT).read_text())
    assert kept["max_steps"] == 81


def test_a_run_that_goes_on_keeps_what_was_decided(made, run):
    first = run("10m")
    within_limit(first, made[1], None, Console(None, silent=True))
    later = run("10m")
    later.resume = True
    assert within_limit(later, made[1], None, Console(None, silent=True)) is None
    assert later.plan == first.plan


def test_without_a_limit_nothing_is_timed(made, monkeypatch):
    monkeypatch.setattr(time_limit, "timed", lambda *a: pytest.fail("it was timed"))
    assert within_limit(SimpleNamespace(plan=made[0]), made[1], None, Console(None, silent=True)) is None


def test_rounds_are_cut_before_engines_and_both_before_training(made):
    plan, data = made
    plan = replace(decide(compose(["task=airline"])), task=plan.task, model=plan.model, trainer=plan.trainer)
    end = end_s(plan, data, PACES)
    assert end > 60, "engines that are compiled take their time"
    assert shortened(plan, data, PACES, 3 * end) == Allotted()
    found = shortened(plan, data, PACES, end)
    assert (found.rounds, found.engines) == (15, ("eager",))
    assert [e.option_name() for e in found.applied(plan).engines] == ["eager"]


def test_the_next_run_knows_how_long_the_end_took(made):
    plan, data = made
    guess = end_s(plan, data, PACES)
    note_end(plan, data, 3.25)
    assert end_s(plan, data, PACES) == pytest.approx(3.2)
    assert end_s(replace(plan, rounds=7), data, PACES) == guess, "another end"


def test_paces_are_measured_with_the_teacher(made):
    found = time_limit.timed(*made, None)
    assert min(found.own_s, found.dense_s, found.token_s) > 0
    assert found.own_s < 5


@pytest.mark.parametrize(
    ("typed", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("45", None), ("1.5m", 90), (None, None)]
)
def test_a_limit_is_typed_as_people_say_it(typed, seconds):
    assert Standard(time_limit=typed).limit_s() == seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trainer.time_limit=soon"], "20m, 90s or 1h30m"),
        (["trainer.time_limit=0m"], "20m, 90s or 1h30m"),
        (["trainer.time_limit=20m", "privacy=dpsgd"], "a clock must not decide"),
        (["trainer.time_limit=20m", "strategy=ddp", "strategy.processes=2"], "a number of its own"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(words, said):
    with pytest.raises(PlanError) as refused:
        decide(compose(words))
    assert said in str(refused.value)
