"""Real sweeps: every way a job can end leaves the others alone, and what was finished stays finished.

``SEEDS=10 KILLS=50 pytest tests/sweep/test_launcher.py -m slow`` asks longer, for twelve minutes.
"""

import json
import os
import random
import shutil
import signal
import subprocess
from contextlib import suppress

import pytest

from accel.errors import ExitCode, Interrupted
from accel.process.stop_requests import EXIT_CODES, heard
from accel.sweep.launcher import _told_by_signals
from accel.sweep.record import Sweep
from tests.forked_ranks import run_ranks
from tests.run_folder import digest_of_model, wait_for

SEEDS, KILLS = int(os.environ.get("SEEDS", "3")), int(os.environ.get("KILLS", "3"))
JOBS = 6
"""Of a sweep that is killed."""
DEATHS = ("raise", "sys_exit", "os_exit", "kill", "segfault", "memory", "hang", "missing_module", "disk_full")
CAUSES = {
    "raise": "ValueError: raised on purpose",
    "sys_exit": "exit code 0 and left no finished record",
    "os_exit": "exit code 7",
    "kill": "signal SIGKILL",
    "segfault": "signal SIGSEGV",
    "memory": "Error",
    "hang": "killed after hydra.launcher.timeout_s=8",
    "missing_module": "No module named 'nothing_of_that_name'",
    "disk_full": "could not be written",
    "none": None,
}


@pytest.mark.slow
@pytest.mark.fault("S1", "S4", "S8")
def test_whatever_kills_a_job_leaves_the_others_alone_and_nothing_finished_is_repeated(run_sweep, tmp_path):
    """Twelve jobs, ten kinds of death (the tenth is a configuration that is refused); all others finish.

    When it goes on, a job that was finished keeps its number wherever the grid has it now.
    """
    marks = tmp_path / "marks"
    code, output, sweep, folder = run_sweep(
        f"task.how=none,{','.join(DEATHS)}", "seed=0", f"task.marks={marks}",
        "hydra.launcher.timeout_s=8", "hydra.launcher.memory_gb=6", "hydra.launcher.n_jobs=2",
    )  # fmt: skip
    assert sweep is not None, output
    how = {job["number"]: next(w for w in job["overrides"] if w.startswith("task.how"))[9:] for job in sweep["jobs"]}
    assert code == ExitCode.SOME_JOBS_FAILED, output
    for job in sweep["jobs"]:
        cause = CAUSES[how[job["number"]]]
        assert job["status"] == ("finished" if cause is None else "failed"), (job, output)
        assert cause is None or cause in job["error"], job
        assert cause is None or f"{job['number']}.output.txt" in output
    assert "raised on purpose" in (folder / "1" / "log.txt").read_text()
    begun = marks.read_text().splitlines()
    more = [f"task.marks={marks}", f"sweep.resume={folder}"]
    code, output, sweep, _ = run_sweep("task.how=none", "seed=1,0,-1", *more, folder=folder)
    seeds = [next(w for w in job["overrides"] if w.startswith("seed=")) for job in sweep["jobs"]]
    assert seeds == ["seed=0"] * 10 + ["seed=1", "seed=-1"]
    assert [j["status"] for j in sweep["jobs"][-2:]] == ["finished", "refused"]  # the tenth way; and the other runs
    assert [line.split()[0] for line in marks.read_text().splitlines()[len(begun) :]] == ["1"], output
    assert "1 done before" in output


@pytest.mark.fault("S7")
@pytest.mark.parametrize(
    "words",
    [
        ["seed=4,5,3", "hydra.launcher.n_jobs=2"],
        pytest.param(["seed=3,4"], marks=(pytest.mark.slow, pytest.mark.full)),
    ],
    ids=["in parallel, last", "one after the other"],
)
@pytest.mark.slow
def test_a_result_is_the_same_alone_in_a_sweep_in_parallel_and_in_any_order(words, run_sweep, sweep_command, tmp_path):
    """Equal numbers of threads give equal bits, whatever ran before or beside a job.

    One after the other: so runs the third job of the next test.
    """
    (_, _, _, *alone), place = sweep_command(f"hydra.run.dir={tmp_path / 'alone'}", "seed=3", multirun=False)
    assert run_ranks(alone, place, processes=1).record(tmp_path / "alone")["status"] == "finished"
    _, output, sweep, folder = run_sweep(*words, "hydra.launcher.cores_per_job=1")
    (job,) = [j for j in sweep["jobs"] if "seed=3" in j["overrides"]]
    assert job["status"] == "finished", output
    assert digest_of_model(folder / job["folder"]) == digest_of_model(tmp_path / "alone")


@pytest.mark.fault("S7")
@pytest.mark.slow
def test_every_result_is_the_same_alone_in_a_parallel_sweep_and_in_a_new_process(run_sweep, sweep_command, tmp_path):
    alone = {}
    for seed in range(SEEDS):
        (_, _, _, *words), place = sweep_command(
            f"hydra.run.dir={tmp_path / str(seed)}", f"seed={seed}", multirun=False
        )
        assert run_ranks(words, place, processes=1).record(tmp_path / str(seed))["status"] == "finished"
        alone[f"seed={seed}"] = digest_of_model(tmp_path / str(seed))
    order = ",".join(map(str, random.Random(0).sample(range(SEEDS), SEEDS)))
    found = []
    for name, words in {
        "parallel": [f"seed={order}", "hydra.launcher.n_jobs=2"],
        "new": ["seed=1", "hydra.launcher.warm=false"],
    }.items():
        _, output, sweep, folder = run_sweep(*words, "hydra.launcher.cores_per_job=1", folder=tmp_path / name)
        for job in sweep["jobs"]:
            assert job["status"] == "finished", output
            (word,) = [w for w in job["overrides"] if w.startswith("seed=")]
            found.append((word, digest_of_model(folder / str(job["number"]))))
    assert len(set(alone.values())) == SEEDS
    assert sorted(found) == sorted([*alone.items(), ("seed=1", alone["seed=1"])])


@pytest.mark.slow
def test_refused_jobs_are_recorded_and_skipped(run_sweep):
    code, output, sweep, folder = run_sweep("tuning=lora", "compression=[],[prune]")
    assert code == ExitCode.DONE, output
    assert [j["status"] for j in sweep["jobs"]] == ["finished", "refused"]
    assert json.loads((folder / "1" / "result.json").read_text())["status"] == "refused"


def started(command, place, folder):
    return subprocess.Popen(
        [*command, f"hydra.sweep.dir='{folder}'"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_stopped_it_saves_tells_and_goes_on(sweep_command, run_sweep, tmp_path):
    """SIGINT and then the command it names: the job in the middle goes on from its checkpoint."""
    folder, words = tmp_path / "sweep", ("seed=0,1", "trainer.max_steps=null", "trainer.epochs=4000")
    command, place = sweep_command(*words)
    sweep = started(command, place, folder)
    wait_for(lambda: (folder / "0" / "checkpoints" / "last.ckpt").is_file())
    sweep.send_signal(signal.SIGINT)
    output = sweep.communicate(timeout=240)[0]
    assert sweep.returncode == ExitCode.SIGINT, output
    assert f"sweep.resume={folder}" in output
    assert json.loads((folder / "0" / "result.json").read_text())["status"] == "interrupted"
    assert Sweep.of(folder).jobs[0].prepare_folder()  # it may go on from its checkpoint


@pytest.mark.slow
@pytest.mark.fault("S3")
def test_a_second_sweep_in_the_folder_is_refused(sweep_command, run_sweep, tmp_path):
    folder = tmp_path / "sweep"
    command, place = sweep_command("task.how=hang")
    first = started(command, place, folder)
    try:
        wait_for(lambda: (folder / "sweep.json").is_file())
        code, output, _, _ = run_sweep("task.how=hang", f"sweep.resume={folder}", folder=folder)
        assert code == ExitCode.REFUSED
        assert f"Another sweep runs in {folder} (process {first.pid})" in output
    finally:
        first.terminate()
        assert first.wait(240) == ExitCode.SIGTERM


@pytest.mark.fault("S2", "S4")
@pytest.mark.slow
def test_a_sweep_killed_at_random_moments_repeats_and_loses_nothing(sweep_command, tmp_path):
    """kill -9 of the controller, each time resumed: every job finishes, none starts again once finished."""
    marks, rng, kills, round_ = tmp_path / "marks", random.Random(0), 0, 0

    def begun():
        return marks.read_text().splitlines() if marks.is_file() else []

    while kills < KILLS:
        round_ += 1
        folder, code = tmp_path / f"sweep{round_}", None
        command, place = sweep_command(f"seed=range({100 * round_},{100 * round_ + JOBS})", f"task.marks={marks}")
        while code != ExitCode.DONE:
            finished = {j.number for j in Sweep.of(folder).jobs if j.status == "finished"}
            resume = [f"sweep.resume={folder}"] if (folder / "sweep.json").is_file() else []
            if not resume:  # killed before anything began: the name of the folder is free again
                shutil.rmtree(folder, ignore_errors=True)
            before = begun()
            process = started([*command, *resume], place, folder)
            if kills < KILLS:
                wanted = len(before) + rng.randrange(4)  # so many jobs later; none: it imports what they need
                wait_for(lambda: len(begun()) >= wanted or process.poll() is not None)  # noqa: B023
                with suppress(subprocess.TimeoutExpired):
                    process.wait(rng.uniform(0, 2))
                kills += process.poll() is None
                process.kill()
            output = process.communicate(timeout=900)[0]
            code = process.returncode
            assert code in (ExitCode.DONE, -signal.SIGKILL), output
            again = {int(line.split()[0]) - 100 * round_ for line in begun()[len(before) :]} & finished
            assert not again, f"finished jobs were repeated: {again}"
        assert [j.status for j in Sweep.of(folder).jobs] == ["finished"] * JOBS


@pytest.mark.parametrize("number", heard())
def test_whatever_asks_a_run_to_stop_stops_a_sweep(tmp_path, number):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"sweep\.resume=") as found, _told_by_signals(tmp_path):
        os.kill(os.getpid(), number)
    assert found.value.exit_code == EXIT_CODES[number]
    assert signal.getsignal(number) is before
