import json

import pytest

from accel.dp.ledger import LEDGER
from accel.errors import DataError, ExitCode
from accel.report.record import read_record
from accel.sweep import record
from accel.sweep.record import Job, Sweep, read_sweep


def finished(job, accuracy, latency, size):
    job.status = "finished"
    job.folder.mkdir(parents=True)
    after = {"metrics": {"accuracy": accuracy}, "cost": {"latency_ms_p50": latency, "size_bytes": size}}
    job.result = {"status": "finished", "after": after}
    (job.folder / "result.json").write_text(json.dumps(job.result))
    return job


def test_states_the_jobs_and_the_pareto_set(tmp_path):
    sweep = Sweep(tmp_path)
    jobs = [sweep.job([f"seed={i}"]) for i in range(4)]
    for job, figures in zip(jobs, [(0.9, 5, 10), (0.8, 6, 11), (0.8, 4, 10)], strict=False):
        finished(job, *figures)
    sweep.save()
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record["pareto"] == [0, 2]
    assert [j["status"] for j in record["jobs"]] == ["finished"] * 3 + ["waiting"]
    assert read_sweep(tmp_path) == record["jobs"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path, text):
    """Negative control: where there is no list, the sweep is new."""
    assert read_sweep(tmp_path) == []
    assert read_record(tmp_path) is None
    finished(Job(0, [], tmp_path), 0.9, 5, 10)
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(DataError, match="which jobs are finished. Nothing was changed"):
        Sweep.of(tmp_path)


@pytest.mark.parametrize(
    ("text", "stays"), [('{"status": "finished"}', True), ("{", True), ('{"status": "failed"}', False)]
)
def test_a_finished_run_that_the_sweep_does_not_know_is_put_aside(tmp_path, text, stays):
    for number in (0, 1):
        job = Job(3, ["seed=1"], tmp_path)
        job.folder.mkdir()
        (job.folder / "result.json").write_text(text)
        assert not job.prepare_folder()
        assert not job.folder.exists()
        assert len(list(tmp_path.glob("3.before*/result.json"))) == (number + 1) * stays


def test_a_line_names_the_reason_and_the_log(tmp_path):
    job = Job(3, ["seed=1"], tmp_path, status="failed", error="it broke\nmore")
    assert "it broke" in job.line()
    assert "3.output.txt" in job.line()
    assert "more" not in job.line()


def test_a_line_leaves_out_what_all_jobs_have(tmp_path):
    sweep = Sweep(tmp_path)
    jobs = [sweep.job(["task=airline", f"seed={i}"]) for i in range(2)]
    assert sweep.common_words() == {"task=airline"}
    assert "task=airline" not in jobs[0].line(sweep.common_words())
    assert Sweep(tmp_path, jobs[:1]).common_words() == set()


def test_a_job_is_known_by_its_words_and_keeps_its_number(tmp_path):
    sweep = Sweep(tmp_path)
    first = finished(sweep.job(["seed=1"]), 0.9, 5, 10)
    sweep.save()
    again = Sweep.of(tmp_path)
    assert [again.job(["seed=0"]).number, again.job(["seed=1"]).number] == [1, 0]
    assert again.job(["seed=1"]).result == first.result


def test_a_jobs_own_record_knows_better_than_a_list_that_was_not_rewritten(tmp_path):
    sweep = Sweep(tmp_path)
    job = sweep.job(["seed=1"])
    job.status = "running"
    sweep.save()
    finished(job, 0.9, 5, 10)
    assert Sweep.of(tmp_path).jobs[0].status == "finished"


def test_only_what_was_stopped_goes_on_from_a_checkpoint(tmp_path):
    for code, goes_on in ((None, True), (-9, True), (130, True), (143, True), (3, False), (1, False)):
        job = Job(0, ["seed=1"], tmp_path, exit_code=code)
        (job.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (job.folder / "checkpoints" / "last.ckpt").touch()
        assert job.prepare_folder() is goes_on, code
        assert job.folder.exists() is goes_on


def test_the_exit_code_tells_what_became_of_the_jobs(tmp_path):
    def code(*statuses):
        return Sweep(tmp_path, [Job(i, [], tmp_path, status=s) for i, s in enumerate(statuses)]).exit_code()

    assert code("finished", "refused", "pruned") == ExitCode.DONE
    assert code("refused", "refused") == ExitCode.REFUSED
    for status in ("failed", "interrupted", "running", "waiting"):
        assert code("finished", status) == ExitCode.SOME_JOBS_FAILED


def test_saving_looks_for_secrets_in_the_jobs_that_changed(tmp_path):
    record._line.cache_clear()
    sweep = Sweep(tmp_path)
    for seed in range(50):
        sweep.job([f"seed={seed}", "tracker.api_key=hf_abcdefghijklmnopqrstuvwxyz"])
    sweep.save()
    sweep.jobs[7].status = "finished"
    sweep.save()
    assert record._line.cache_info().misses == 51
    text = (tmp_path / "sweep.json").read_text()
    assert "abcdefghijklm" not in text
    assert [job["status"] for job in json.loads(text)["jobs"]].count("finished") == 1
    assert len(text.splitlines()) > 50  # a line for each


def test_a_sweep_that_goes_on_knows_how_its_jobs_ended(tmp_path):
    """One that was stopped goes on from its checkpoint; one that failed by itself begins anew."""
    sweep = Sweep(tmp_path)
    for seed, code in enumerate((-9, 3)):
        job = sweep.job([f"seed={seed}"])
        job.status, job.exit_code, job.seconds, job.cluster_job, job.restarts = "failed", code, 7.5, "1234", 2
        (job.folder / "checkpoints").mkdir(parents=True)
        (job.folder / "checkpoints" / "last.ckpt").touch()
    sweep.save()
    stopped, failed = Sweep.of(tmp_path).jobs
    assert stopped.can_go_on()
    assert not failed.can_go_on()
    assert (failed.status, failed.seconds, failed.cluster_job, failed.restarts) == ("failed", 7.5, "1234", 2)


def test_every_attempt_at_a_private_job_stays_on_the_books(tmp_path):
    job = Job(4, ["privacy=dpsgd"], tmp_path, exit_code=3)
    for attempt in "abc":
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / LEDGER).write_text(attempt)
        assert not job.prepare_folder()
    assert sorted(file.read_text() for file in tmp_path.glob(f"4.*.{LEDGER}")) == ["a", "b", "c"]
