"""Searches: what is proposed, what is learned, what another session takes up."""

import json

import optuna
import pytest
from optuna.trial import TrialState

from accel.core.metric import ACCURACY, stated
from accel.errors import ConfigError
from accel.report.record import new_record, write_record
from accel.sweep.journal import JOURNAL, open_journal
from accel.sweep.pool import note_result
from accel.sweep.record import Sweep
from accel.sweep.search import SAMPLERS, Search, Settings, sampled
from accel.sweep.source import Context
from accel.sweep.stopping import STUDY, Stopping
from accel.sweep.winner import winner_lines

SPACE = ["trainer.learning_rate=interval(0,1)", "tuning=full,lora", "tuning.rank=4,8"]


@pytest.fixture(autouse=True)
def accepts(monkeypatch):
    monkeypatch.setattr("accel.plan.decide.check_overrides", lambda *a: None)


def finish(job, quality=None):
    """The job's process: a record whose quality is best where the learning rate is 0.3."""
    rate = float(next(w for w in job.overrides if "learning_rate" in w).split("=")[1])
    quality = 1 - abs(rate - 0.3) if quality is None else quality
    write_record(
        {**new_record(job.overrides), "status": "finished", "after": {"validation": {"accuracy": quality}}}, job.folder
    )
    job.exit_code = 0
    note_result(job)
    return quality


def begin(folder, words=SPACE, **settings):
    search = Search(words, Settings(**{"search": "random", "n_trials": 6, **settings}))
    sweep = Sweep.of(folder)
    search.begin(sweep, Context())
    return search, sweep


def run(search, sweep, jobs=10**9):
    done = 0
    while done < jobs and (job := search.next()) is not None:
        finish(job)
        search.ended(job)
        sweep.save()
        done += 1
    return done


def study(folder):
    return optuna.load_study(study_name=STUDY, storage=open_journal(folder / JOURNAL))


def test_as_many_trials_as_asked_for_and_the_study_learns_their_quality(tmp_path):
    search, sweep = begin(tmp_path)
    assert run(search, sweep) == 6
    trials = study(tmp_path).get_trials(states=(TrialState.COMPLETE,))
    assert [t.value for t in trials] == [j.result["after"]["validation"]["accuracy"] for j in sweep.jobs]
    assert json.loads((tmp_path / "sweep.json").read_text())["objectives"] == [
        {"key": "after.validation.accuracy", "direction": "maximize"}
    ]


def test_the_first_trial_is_the_run_without_a_search_and_is_not_repeated_by_another_session(tmp_path):
    words = ["trainer.learning_rate=tag(log,interval(1e-5,2e-3))", "tuning=lora,full", "tuning.rank=4,8", "seed=1,0"]
    search, sweep = begin(tmp_path, words=words, n_trials=3)
    assert sorted(search.next().overrides) == ["seed=0", "trainer.learning_rate=0.0001", "tuning=full"]
    sweep.save()
    again, _ = begin(tmp_path, words=words, n_trials=3)
    assert len(again.study.get_trials(deepcopy=False)) == 1


FINDS = ["trainer.learning_rate=null"]


def finish_finding(job, rate):
    found = {"learning_rate": rate, "repeat": [f"trainer.learning_rate={rate:g}"]}
    after = {"validation": {"accuracy": 0.9}}
    write_record({**new_record(job.overrides), "status": "finished", "after": after, "found": found}, job.folder)
    job.exit_code = 0
    note_result(job)


def test_a_search_begins_with_a_job_that_finds_its_numbers_and_learns_from_them(tmp_path):
    words = ["trainer.learning_rate=tag(log,interval(1e-5,2e-3))", "tuning=lora,full", "seed=1"]
    search, sweep = begin(tmp_path, words=words, n_trials=4, finds=FINDS)
    job = search.next()
    assert job.overrides == ["seed=1", *FINDS]
    finish_finding(job, 3e-5)
    search.ended(job)
    (known,) = [t for t in search.study.get_trials() if t.state == TrialState.COMPLETE]
    assert (known.params, known.value) == ({"trainer.learning_rate": 3e-5, "tuning": "full"}, 0.9)
    assert sorted(search.next().overrides) == ["seed=1", "trainer.learning_rate=0.0001", "tuning=full"]
    assert run(search, sweep) == 2, "it is one of the trials"


def test_a_job_that_finds_its_numbers_is_run_once_in_all_sessions(tmp_path):
    words = ["trainer.learning_rate=tag(log,interval(1e-5,2e-3))"]
    search, sweep = begin(tmp_path, words=words, finds=FINDS)
    job = search.next()
    job.status = "interrupted"
    search.ended(job)
    sweep.save()
    again, sweep = begin(tmp_path, words=words, finds=FINDS)
    job = again.next()
    assert job.overrides == FINDS
    finish_finding(job, 1e-4)
    sweep.save()  # killed before the study learns of it
    last, sweep = begin(tmp_path, words=words, finds=FINDS)
    assert last.next().overrides != FINDS
    assert [t.user_attrs for t in last.study.get_trials() if t.state == TrialState.COMPLETE] == [{"found": 0}]
    sweep.save()
    more, _ = begin(tmp_path, words=words, finds=FINDS)
    assert more.next().overrides != FINDS
    assert len([t for t in more.study.get_trials() if t.user_attrs]) == 1


def test_what_was_found_outside_of_the_ranges_is_no_point_there(tmp_path):
    """The default rate lies inside: it is not what was found."""
    words = ["trainer.learning_rate=tag(log,interval(1e-5,2e-4))", "tuning=lora,full"]
    search, sweep = begin(tmp_path, words=words, finds=FINDS)
    job = search.next()
    finish_finding(job, 3e-3)
    search.ended(job)
    assert not [t for t in search.study.get_trials() if t.state == TrialState.COMPLETE]
    assert search.next().overrides != FINDS
    assert sweep.jobs[0].result["after"]["validation"]["accuracy"] == 0.9  # it may win all the same


def test_what_was_typed_does_not_find_itself(tmp_path):
    search, sweep = begin(tmp_path, words=["trainer.learning_rate=0.3", "tuning=lora,full"], finds=FINDS)
    assert run(search, sweep) == 2
    assert all("trainer.learning_rate=0.3" in job.overrides for job in sweep.jobs)


def test_a_mistyped_name_of_what_finds_itself_is_told(tmp_path):
    with pytest.raises(ConfigError, match="varies no trainer.learning_rat.*trainer.learning_rate"):
        begin(tmp_path, finds=["trainer.learning_rat=null"])


def test_a_single_trial_is_the_run_without_a_search(tmp_path):
    search, _ = begin(tmp_path, words=["trainer.learning_rate=interval(1e-5,1e-3)"], finds=FINDS, n_trials=1)
    assert search.next().overrides == ["trainer.learning_rate=0.0001"]


def test_where_finding_is_refused_the_search_does_without(tmp_path, monkeypatch):
    def refuse(words, *rest):
        if "trainer.learning_rate=null" in words:
            raise ConfigError("no")

    monkeypatch.setattr("accel.plan.decide.check_overrides", refuse)
    search, sweep = begin(tmp_path, finds=FINDS)
    assert run(search, sweep) == 6
    assert not any("null" in word for job in sweep.jobs for word in job.overrides)


def test_where_a_run_needs_what_varies_the_search_starts_anywhere(tmp_path):
    search, _ = begin(tmp_path, words=["model=local", "model.path=a,b"], n_trials=2)
    assert search.next() is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_way_to_propose_works(tmp_path, name):
    if name == "gp":
        pytest.importorskip("scipy")
    search, sweep = begin(tmp_path, search=name, n_trials=12, words=SPACE[:1])
    assert run(search, sweep) == 12
    assert len({tuple(j.overrides) for j in sweep.jobs}) == 12


@pytest.mark.slow
def test_learning_finds_more_than_chance(tmp_path):
    best = {}
    for name in ("random", "tpe"):
        search, sweep = begin(tmp_path / name, search=name, n_trials=40, words=SPACE[:1])
        run(search, sweep)
        best[name] = sum(j.result["after"]["validation"]["accuracy"] for j in sweep.jobs[20:]) / 20
    assert best["tpe"] > best["random"] + 0.1


def test_another_session_goes_on_and_repeats_nothing(tmp_path):
    first, sweep = begin(tmp_path)
    assert run(first, sweep, jobs=4) == 4
    second, sweep = begin(tmp_path)
    assert run(second, sweep) == 2
    assert len({tuple(j.overrides) for j in sweep.jobs}) == 6
    assert len(study(tmp_path).get_trials(states=(TrialState.COMPLETE,))) == 6


@pytest.mark.fault("S6")
@pytest.mark.parametrize("finished", [True, False])
def test_what_a_killed_session_left_open_is_taken_up(tmp_path, finished):
    """Killed after a job was proposed: if its process finished, the study is told; if not, the same job runs."""
    first, sweep = begin(tmp_path)
    job = first.next()
    job.status = "running"
    sweep.save()
    if finished:
        finish(job, 0.75)
    second, sweep = begin(tmp_path)
    assert run(second, sweep) == (5 if finished else 6)
    assert sweep.jobs[0].overrides == job.overrides
    states = [t.state for t in study(tmp_path).trials]
    assert states == [TrialState.COMPLETE] * 6


def test_a_refused_point_costs_no_trial(tmp_path, monkeypatch):
    def check(self, job):
        if "tuning=lora" in job.overrides:
            job.status = "refused"

    monkeypatch.setattr(Context, "check", check)
    search, sweep = begin(tmp_path)
    assert run(search, sweep) == 6
    assert sweep.count("refused") >= 1
    assert len(study(tmp_path).get_trials(states=(TrialState.FAIL,))) >= sweep.count("refused")


def test_a_search_in_which_every_point_is_refused_for_one_reason_stops_and_says_it(tmp_path, monkeypatch):
    def check(self, job):
        job.status, job.error = "refused", "there is no column 'review'"

    monkeypatch.setattr(Context, "check", check)
    search, sweep = begin(tmp_path)
    with pytest.raises(ConfigError, match="no column 'review'"):
        run(search, sweep)
    assert sweep.count("refused") == len(sweep.jobs) == 5


@pytest.mark.parametrize(("first", "stopped"), [("refused", True), ("finished", False)])
def test_jobs_that_are_refused_once_they_have_started_count_too(tmp_path, first, stopped):
    search, sweep = begin(tmp_path)
    message = ""
    for status in (first, *["refused"] * 5):
        job = search.next()
        job.status, job.error = status, "the file is gone"
        try:
            search.ended(job)
        except ConfigError as error:
            message = str(error)
            break
    assert ("the file is gone" in message) == stopped
    assert sweep.count("refused") == 5


def test_reasons_that_differ_do_not_stop_a_search(tmp_path, monkeypatch):
    def check(self, job):
        job.status, job.error = "refused", str(job.number)

    monkeypatch.setattr(Context, "check", check)
    search, sweep = begin(tmp_path)
    assert search.next() is None
    assert sweep.count("refused") == 20


def test_a_metric_that_the_task_does_not_have_is_refused_before_any_trial(tmp_path):
    with pytest.raises(ConfigError, match="accuracy, macro_f1, loss"):
        begin(tmp_path, objectives=["perplexity"])
    assert not (tmp_path / JOURNAL).exists()
    begin(tmp_path, objectives=["macro_f1"])


def test_a_small_space_ends_when_all_of_it_was_tried(tmp_path):
    search, sweep = begin(tmp_path, words=["trainer.learning_rate=0.1,0.2"])
    assert run(search, sweep) == 2
    assert search.next() is None


def test_what_failed_and_what_was_stopped_early_is_told_apart(tmp_path):
    search, _ = begin(tmp_path, n_trials=3)
    for status in ("failed", "pruned", "interrupted"):
        job = search.next()
        job.status = status
        search.ended(job)
    assert [t.state for t in study(tmp_path).trials] == [TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING]


def test_a_job_knows_which_trial_it_is_and_how_long_it_may_train(tmp_path):
    search, _ = begin(tmp_path, words=[*SPACE, "trainer.epochs=7"], stopping="asha")
    first, job = search.next(), search.next()
    assert not first.environment, "the run without a search is never stopped"
    stopping = Stopping.of_this_process(job.environment)
    assert (stopping.rule, stopping.epochs, stopping.trial) == ("asha", 7, 1)


def test_stopping_early_looks_at_private_data(tmp_path):
    search, _ = begin(tmp_path, words=[*SPACE[:1], "privacy=dpsgd"], stopping="asha")
    search.next()
    with pytest.raises(ConfigError, match="not on the books"):
        search.next()


PRICES = {"price_per_cpu_hour": 0.1, "requests_per_month": 3.6e6, "cost_per_error": 0.01}


def test_a_search_for_the_least_cost_hears_money_by_the_validation_split(tmp_path):
    search, sweep = begin(tmp_path, objectives=["cost"], **PRICES)
    job = search.next()
    after = {"validation": {"accuracy": 0.9}, "cost": {"latency_ms_p50": 5.0, "num_threads": 2, "size_bytes": 1}}
    record = {**new_record(job.overrides), "status": "finished", "after": after, "metrics": stated([ACCURACY])}
    write_record(record, job.folder)
    job.exit_code = 0
    note_result(job)
    search.ended(job)
    (told,) = study(tmp_path).get_trials(states=(TrialState.COMPLETE,))
    assert told.value == pytest.approx(3.6e6 * 0.1 * 0.01 + 10 * 0.1)  # errors, and 3.6e6 x 5 ms on two cores
    sweep.save()
    assert json.loads((tmp_path / "sweep.json").read_text())["pareto"] == [0]
    (line, *_) = winner_lines(sweep, {"search": "tpe", "objectives": ["cost"], **PRICES})
    assert line.startswith("Cheapest: #0 ")
    assert "3,601 a month (errors 3,600, compute 1)" in line


def test_a_cost_of_what_counts_no_errors_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="judged by nDCG@10"):
        begin(tmp_path, [*SPACE, "task=reply_retrieval"], objectives=["cost"], **PRICES)


def test_several_objectives(tmp_path):
    search, _ = begin(tmp_path, objectives=["quality", "latency_ms_p50"])
    job = search.next()
    finish(job)
    job.result["after"]["cost"] = {"latency_ms_p50": 4.0}
    search.ended(job)
    assert study(tmp_path).trials[0].values[1] == 4.0
    other = search.next()
    finish(other)
    search.ended(other)
    assert study(tmp_path).trials[1].state == TrialState.FAIL  # it has no latency


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"search": "tpee"}, "Did you mean 'tpe'"),
        ({"objectives": ["qualty"]}, "Did you mean 'quality'"),
        ({"objectives": ["cost"]}, "needs prices: hydra.sweeper.price_per_cpu_hour"),
        ({"price_per_cpu_hour": 1.0, "requests_per_month": 1.0, "cost_per_error": 1.0}, "are for hydra.sweeper.objec"),
        ({"objectives": []}, "something to look for"),
        ({"stopping": "ashas"}, "Did you mean 'asha'"),
        ({"stopping": "asha", "objectives": ["quality", "size_bytes"]}, "validation quality alone"),
        ({"n_trials": 0}, "at least 1"),
    ],
)
def test_what_does_not_exist_or_fit_is_refused(settings, text):
    with pytest.raises(ConfigError, match=text):
        Search(SPACE, Settings(**{"search": "random", **settings}))


def test_points_to_look_at_before_anything_starts():
    points = sampled(SPACE, Settings(search="tpe", n_trials=8))
    assert len(points) == 8
    assert all(("tuning=lora" in p) == any(w.startswith("tuning.rank") for w in p) for p in points)
