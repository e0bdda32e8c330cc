"""Sweeps on a real Slurm: what is killed, cancelled or preempted there, and the sweep that goes on."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accel.errors import ConfigError, ExitCode
from accel.sweep import slurm_pool
from accel.sweep.job_spec import Common, JobSpec
from accel.sweep.record import Job, read_sweep
from accel.sweep.slurm_files import Ending, JobFiles, Submission
from accel.sweep.slurm_pool import Queued, SlurmPool
from accel.sweep.slurm_settings import MAX_ARRAY, SlurmSettings
from accel.sweep.supervisor import RemoteJob
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model, wait_for

ON_SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=debug", "hydra.launcher.poll_s=1"]


class Started:
    """A sweep at work, seen from outside."""

    def __init__(self, slurm, command, place, folder):
        self.slurm, self.folder = slurm, folder
        environment = {**os.environ, **slurm.environment, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [*command, f"hydra.sweep.dir='{folder}'"], cwd=place, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def until(self, condition):
        """Wait for something while the sweep lives."""

        def found():
            assert self.process.poll() is None, self.process.communicate()[0]
            return condition()

        return wait_for(found)

    def job(self, seed):
        return next((j for j in read_sweep(self.folder) if f"seed={seed}" in j["overrides"]), {})

    def id_of(self, seed):
        """Its number in Slurm, once it has one."""
        return self.until(lambda: self.job(seed).get("cluster_job"))

    def running(self):
        """The numbers in Slurm of the jobs that run now."""
        return self.slurm.run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%F_%K").split()

    def id_of_array(self):
        return self.job(1)["cluster_job"].split("_")[0]

    def end(self):
        output = self.process.communicate(timeout=900)[0]
        return self.process.returncode, output, json.loads((self.folder / "sweep.json").read_text())


@pytest.fixture
def started(slurm, sweep_command, tmp_path):
    """Start a sweep on Slurm whose steps are counted; nothing of it is left afterwards."""
    processes = []

    def start(*words, folder=tmp_path / "sweep"):
        command, place = sweep_command(f"task.steps={tmp_path / 'steps'}", *ON_SLURM, *words)
        processes.append(Started(slurm, command, place, folder))
        return processes[-1]

    yield start
    for item in processes:
        if item.process.poll() is None:
            item.process.kill()
            item.process.wait()
    slurm.call("scancel", f"--user={os.environ.get('USER', 'root')}")


def preempt(slurm, id_):
    """Let an urgent job have all nodes for a moment."""
    del id_
    slurm.run("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")


def requeue(slurm, id_):
    slurm.run("scontrol", "requeue", id_)


def made_steps_of(made_steps, seed, starts):
    """How many steps the last process of a job has made, if it was started so often."""
    made = made_steps().get(seed, [])
    return made.count(made[-1]) if len(set(made)) == starts else 0


def of_seeds(record):
    return {int(next(w for w in j["overrides"] if w.startswith("seed="))[5:]): j for j in record["jobs"]}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Slurm's programs, none of which does anything."""
    for name in ("sbatch", "srun", "squeue", "scancel"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.slow
def test_whatever_happens_to_a_job_leaves_the_others_alone(
    slurm, started, sweep_command, tmp_path, wait_for_steps, made_steps
):
    """Five jobs: one killed, one cancelled, one out of memory, one requeued and then preempted. One does not notice."""
    killed, cancelled, greedy, preempted = 1, 2, 3, 5
    words = ["trainer.max_steps=60", f"task.slow=[1,2,{preempted}]", "task.delay_s=0.3", "task.greedy=[3]"]
    sweep = started(f"seed={killed},{cancelled},{greedy},4,{preempted}", *words,
                    "hydra.launcher.array_parallelism=4", "hydra.launcher.mem_gb=2")  # fmt: skip
    os.kill(wait_for_steps(sweep.process, killed), signal.SIGKILL)
    wait_for_steps(sweep.process, cancelled)
    slurm.run("scancel", sweep.id_of(cancelled))
    for starts, take_away in enumerate((requeue, preempt), start=1):
        sweep.until(lambda: made_steps_of(made_steps, preempted, starts) > 2)  # noqa: B023
        if take_away is preempt:  # which takes away what others run too
            sweep.until(lambda: sweep.running() == [sweep.id_of(preempted)])
        take_away(slurm, sweep.id_of(preempted))
        wait_for(lambda: slurm.start_again(sweep.id_of(preempted)))
    code, output, record = sweep.end()

    jobs, made = of_seeds(record), made_steps()
    others = dict.fromkeys((preempted, 4), "finished")
    assert code == ExitCode.SOME_JOBS_FAILED, output
    assert {seed: job["status"] for seed, job in jobs.items()} == {
        killed: "failed", cancelled: "interrupted", greedy: "failed", **others,
    }  # fmt: skip
    assert "signal SIGKILL" in jobs[killed]["error"]
    assert f"Slurm job {jobs[cancelled]['cluster_job']} ended as CANCELLED: Stopped by" in jobs[cancelled]["error"]
    assert f"Slurm job {jobs[greedy]['cluster_job']} ended as " in jobs[greedy]["error"]
    assert "memory limit" in jobs[greedy]["error"]
    assert {seed: job["restarts"] for seed, job in jobs.items() if job["restarts"]} == {preempted: 2}
    assert [len(made[seed]) for seed in others] == [60] * 2
    assert [len(set(made[seed])) for seed in others] == [3, 1]  # one went on from where it was, twice

    alone, quick = tmp_path / "alone", [word for word in words if not word.startswith("task.slow")]
    (_, _, _, *typed), place = sweep_command(f"seed={preempted}", *quick, f"hydra.run.dir={alone}", multirun=False)
    assert run_ranks(typed, place, processes=1).record(alone)["status"] == "finished"
    assert digest_of_model(sweep.folder / jobs[preempted]["folder"]) == digest_of_model(tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("take_away", [preempt, requeue])
def test_a_job_whose_node_is_taken_away_goes_on_when_it_is_free_again(
    slurm, started, wait_for_steps, made_steps, take_away
):
    """Slurm takes a job for completed that ends within its grace time, and would not requeue it.

    The test above has a job of which both is done.
    """
    sweep = started("seed=1", "trainer.max_steps=40", "task.slow=[1]")
    wait_for_steps(sweep.process, 1)
    take_away(slurm, sweep.id_of(1))
    wait_for(lambda: slurm.start_again(sweep.id_of(1)))
    code, output, record = sweep.end()
    made = made_steps()[1]
    assert (code, record["jobs"][0]["restarts"]) == (ExitCode.DONE, 1), output
    assert (len(made), len(set(made))) == (40, 2)


@pytest.mark.slow
@pytest.mark.full
def test_interrupted_it_cancels_its_jobs_and_can_go_on(slurm, started, wait_for_steps, made_steps):
    words = ["seed=1,2", "trainer.max_steps=40", "task.slow=[1]", "hydra.launcher.array_parallelism=1"]
    sweep = started(*words)
    wait_for_steps(sweep.process, 1)
    sweep.process.send_signal(signal.SIGINT)
    code, output, record = sweep.end()
    assert code == ExitCode.SIGINT, output
    assert "Cancelling the 2 jobs" in output
    assert f"sweep.resume={sweep.folder}" in output
    assert [job["status"] for job in record["jobs"]] == ["interrupted", "waiting"]
    assert not slurm.run("squeue", "-h")
    code, output, record = started(*words, f"sweep.resume={sweep.folder}").end()
    made = made_steps()
    assert (code, [job["status"] for job in record["jobs"]]) == (ExitCode.DONE, ["finished"] * 2), output
    assert {seed: (len(by), len(set(by))) for seed, by in made.items()} == {1: (40, 2), 2: (40, 1)}


@pytest.mark.slow
def test_its_jobs_outlive_it_and_the_next_one_takes_them_over(started, wait_for_steps, made_steps):
    """kill -9 of the sweep: nothing is stopped, nothing is started twice."""
    words = ["seed=1,2", "trainer.max_steps=40", "task.slow=[1]", "hydra.launcher.array_parallelism=1"]
    sweep = started(*words)
    wait_for_steps(sweep.process, 1)
    sweep.process.kill()
    sweep.process.wait()
    code, output, record = started(*words, f"sweep.resume={sweep.folder}").end()
    assert (code, [job["status"] for job in record["jobs"]]) == (ExitCode.DONE, ["finished"] * 2), output
    assert {job["cluster_job"].split("_")[0] for job in record["jobs"]} == {sweep.id_of_array()}
    assert {seed: (len(by), len(set(by))) for seed, by in made_steps().items()} == dict.fromkeys((1, 2), (40, 1))


@pytest.mark.full
@pytest.mark.slow
def test_the_time_limit_is_named_and_the_job_can_go_on(started, made_steps):
    words = ["seed=1", "trainer.max_steps=80", "task.slow=[1]", "task.delay_s=0.5"]
    sweep = started(*words, "hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=25")
    code, output, record = sweep.end()
    assert code == ExitCode.SOME_JOBS_FAILED, output
    assert "reached hydra.launcher.timeout_min=1" in record["jobs"][0]["error"]
    code, output, _ = started(*words, f"sweep.resume={sweep.folder}").end()
    made = made_steps()[1]
    assert (code, len(made), len(set(made))) == (ExitCode.DONE, 80, 2), output


@pytest.mark.slow
def test_a_job_is_one_run_on_several_nodes_or_starts_its_own_ranks_with_what_it_was_given(slurm, run_sweep, tmp_path):
    """One task per node, killed by nobody, requeued by nobody; and the same on one node, where there is one task.

    Slurm's variables say so, and strategy=ddp makes two ranks of it.
    """
    words = ["seed=1", "strategy=ddp", "trainer.batch_size=16", "trainer.batch_tokens=null", *ON_SLURM]
    two = ["strategy.nodes=2", "strategy.processes=1", "hydra.launcher.nodes=2", "hydra.launcher.mem_gb=3"]
    one = ["hydra.launcher.mem_gb=6", "hydra.launcher.cpus_per_task=2", "hydra.launcher.gres='gpu:1'"]
    models = []
    for name, more in (("two", two), ("one", one)):
        code, output, record, folder = run_sweep(*words, *more, folder=tmp_path / name, environment=slurm.environment)
        assert code == ExitCode.DONE, output + "".join(f.read_text() for f in folder.glob("*.output.txt"))
        assert [job["status"] for job in record["jobs"]] == ["finished"]
        models.append(digest_of_model(folder / "0"))
        result = json.loads((folder / "0" / "result.json").read_text())
        assert {t["name"]: t["evidence"] for t in result["techniques"]}["ddp"]["world_size"] == 2
    assert models[0] == models[1]
    script = next((tmp_path / "one" / ".slurm").rglob("*submission.sh")).read_text()
    assert "--cpus-per-task=2" in script
    assert "--gres=gpu:1" in script


@pytest.mark.slow
def test_what_slurm_does_not_take_is_refused_in_its_words(slurm, run_sweep):
    words = [w for w in ON_SLURM if "partition" not in w]
    code, output, record, _ = run_sweep(
        "seed=1", *words, "hydra.launcher.partition=nowhere", environment=slurm.environment
    )
    assert code == ExitCode.REFUSED
    assert "Slurm does not take the jobs: sbatch: error:" in output
    assert "Traceback" not in output
    assert [job["status"] for job in record["jobs"]] == ["waiting"]


def pool(folder, **settings):
    return SlurmPool(Common((), folder, folder / "lock"), SlurmSettings(**settings))


def test_without_slurm_or_submitit_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="sbatch, srun, squeue, scancel cannot be found"):
        pool(tmp_path)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ConfigError, match=r"pip install .*\[slurm\]'"):
        pool(tmp_path)


def test_how_many_jobs_it_takes(tmp_path, programs):
    """All of a grid in one array, which Slurm holds to its parallelism; of a search so many at a time."""
    jobs = pool(tmp_path, array_parallelism=4)
    assert (jobs.room(adaptive=False), jobs.room(adaptive=True)) == (MAX_ARRAY, 4)
    jobs.queued = [None]
    assert (jobs.room(adaptive=False), jobs.room(adaptive=True)) == (0, 3)
    with pytest.raises(ConfigError, match=r"hydra\.launcher\.array_parallelism, e\.g\. 4"):
        pool(tmp_path).room(adaptive=True)


def test_a_queue_that_does_not_answer_is_no_news_and_one_that_has_lost_a_job_is(tmp_path, programs, monkeypatch):
    jobs = pool(tmp_path)
    item = Queued(Job(0, [], tmp_path), JobFiles(tmp_path, "1"))
    jobs.queued = [item]
    for answer, state in (({"1": "RUNNING"}, "RUNNING"), (None, "RUNNING"), ({}, "GONE")):
        monkeypatch.setattr(slurm_pool, "states_of", lambda name, answer=answer: answer)
        jobs._ask()
        assert item.state == state
    assert not item.has_ended  # its last word may still be on its way
    monkeypatch.setattr(slurm_pool, "SETTLE_S", 0.0)
    assert item.has_ended
    item.hear("PENDING")
    assert not item.has_ended  # it was requeued


@pytest.mark.fault("X2")
def test_jobs_of_another_sweep_are_found_by_their_files_and_told_by_their_words(tmp_path, programs, monkeypatch):
    """What lies in a shared folder is read as JSON; a pickle beside it, of anybody, is not looked at."""
    marker, folder = tmp_path / "marker", tmp_path / "sweep"
    session = folder / ".slurm" / "0"
    session.mkdir(parents=True)
    for name in ("3_submitted.pkl", "3_0_result.pkl", "4_submitted.pkl"):
        (session / name).write_bytes(pickle.dumps(Payload(marker)))
    spec = JobSpec(words=(), output=folder / "o", directory=folder, environment={})
    JobFiles(session, "3").write_submission(Submission(RemoteJob(spec, 5, ("seed=1",), folder, resume=False), 60, 0))
    monkeypatch.setattr(slurm_pool, "states_of", lambda name: {"3": "RUNNING", "4": "RUNNING"})
    found = pool(folder)
    assert {number: item.job.overrides for number, item in found.adoptable.items()} == {5: ["seed=1"]}
    assert not found.adoptable[5].left_word
    JobFiles(session, "3").write_ending(Ending(2, restarts=1), 0)
    job = found.adoptable[5].job
    assert (found._died(found.adoptable[5]), job.exit_code, job.restarts) == (None, 2, 1)
    JobFiles(session, "3").ending().write_text('{"exit_code": 0, "more": 1}')
    assert "cannot be read" in found._died(found.adoptable[5])
    assert not marker.exists()
    pickle.loads((session / "4_submitted.pkl").read_bytes())  # negative control: it would have
    assert marker.exists()


class Payload:
    """Unpickled, it leaves a marker."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)
