"""Sweeps on a real Ray of this machine, cut off from any network because Ray listens on all of them."""

import dataclasses
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accel.config.compose import compose
from accel.errors import ConfigError, ExitCode
from accel.sweep.job_spec import Common
from accel.sweep.ray_pool import RayPool, RaySettings

ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
ON_RAY = ["hydra/launcher=ray", "hydra.launcher.n_jobs=2"]


def test_its_settings_are_the_keys_of_the_launcher_with_the_same_defaults():
    keys = dict(compose(["hydra/launcher=ray"]).hydra.launcher)
    keys.pop("_target_")
    assert keys == dataclasses.asdict(RaySettings())


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install .*\[ray\]'"):
        RayPool(Common((), tmp_path, tmp_path / "lock"), RaySettings())


@pytest.fixture
def on_ray(sweep_command, tmp_path):
    """Start a sweep whose steps are counted; ``steps()`` says which process made them, by seed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: the extra ray")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("Ray listens on every network, and this user may not cut a process off from them (unshare --net)")
    processes = []

    def start(*words):
        command, place = sweep_command(f"task.steps={tmp_path / 'steps'}", *ON_RAY, *words)
        process = subprocess.Popen(
            [*ALONE, *command, f"hydra.sweep.dir='{tmp_path / 'sweep'}'"], cwd=place, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def ended(process, folder):
    output = process.communicate(timeout=900)[0]
    return process.returncode, output, json.loads((folder / "sweep.json").read_text())


def parent_of(process):
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.slow
def test_whatever_happens_to_a_job_leaves_the_others_alone(on_ray, tmp_path, wait_for_steps, made_steps):
    """One process is killed, one worker of Ray's, one job takes too long, beside all others; one does not notice."""
    late, killed, orphaned = 1, 2, 3
    sweep = on_ray("seed=1,2,3,4", "trainer.max_steps=40", "task.slow=[1,2,3]", "task.delay_s=2.5",
                   "hydra.launcher.timeout_s=80")  # fmt: skip
    os.kill(wait_for_steps(sweep, killed), signal.SIGKILL)
    os.kill(parent_of(wait_for_steps(sweep, orphaned)), signal.SIGKILL)
    code, output, record = ended(sweep, tmp_path / "sweep")
    assert code == ExitCode.SOME_JOBS_FAILED, output
    jobs = {job["number"] + 1: job for job in record["jobs"]}
    assert jobs[orphaned]["status"] in ("failed", "interrupted"), output  # whether it could save before it ended
    others = [jobs[seed]["status"] for seed in (late, killed, 4)]
    assert others == ["failed", "failed", "finished"], output
    assert "signal SIGKILL" in jobs[killed]["error"]
    assert "Ray: " in jobs[orphaned]["error"]
    assert "hydra.launcher.timeout_s=80" in jobs[late]["error"]
    assert len(made_steps()[4]) == 40


@pytest.mark.full
@pytest.mark.slow
def test_interrupted_it_lets_its_jobs_save_and_can_go_on(on_ray, tmp_path, wait_for_steps, made_steps):
    words = ["seed=1,2", "trainer.max_steps=40", "task.slow=[1]", "hydra.launcher.n_jobs=1", "task.delay_s=0.3"]
    sweep = on_ray(*words)
    wait_for_steps(sweep, 1)
    sweep.send_signal(signal.SIGINT)
    code, output, record = ended(sweep, tmp_path / "sweep")
    assert code == ExitCode.SIGINT, output
    assert [job["status"] for job in record["jobs"]] == ["interrupted", "waiting"], output
    code, output, record = ended(on_ray(*words, f"sweep.resume={tmp_path / 'sweep'}"), tmp_path / "sweep")
    assert (code, [job["status"] for job in record["jobs"]]) == (ExitCode.DONE, ["finished"] * 2), output
    assert {seed: (len(by), len(set(by))) for seed, by in made_steps().items()} == {1: (40, 2), 2: (40, 1)}
