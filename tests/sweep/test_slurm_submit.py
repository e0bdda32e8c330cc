"""What sbatch is given; that Slurm takes it is shown in test_slurm_pool."""

import pytest

from accel.sweep.job_spec import JobSpec
from accel.sweep.slurm_files import Submission
from accel.sweep.slurm_settings import SlurmSettings
from accel.sweep.slurm_submit import submit
from accel.sweep.supervisor import RemoteJob


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """One that takes everything, and keeps the script."""
    for name, text in {"sbatch": f'cp "$1" {tmp_path}/script\necho Submitted batch job 12', "srun": ""}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.parametrize(("count", "ids"), [(1, ["12"]), (3, ["12_0", "12_1", "12_2"])])
def test_every_job_has_its_file_and_the_script_runs_it(sbatch, tmp_path, count, ids):
    folder = tmp_path / "sweep"
    spec = JobSpec(words=(), output=tmp_path / "o", directory=tmp_path, environment={"TOKEN": "x"})
    asked = [Submission(RemoteJob(spec, n, (), tmp_path, resume=False), 60, 0) for n in range(count)]
    queued = submit(folder, SlurmSettings(array_parallelism=2).parameters("accel-1"), asked)
    assert [files.id for files in queued] == ids
    assert [files.read_submission().remote_job.number for files in queued] == list(range(count))
    script = (tmp_path / "script").read_text()
    assert f"-m accel.sweep.slurm_job {folder}" in script
    assert ("--array=0-2%2" in script) == (count > 1)
    assert not [p for p in folder.rglob("*") if p.suffix == ".pkl"]
    assert folder.stat().st_mode & 0o077 == 0  # others may not read a job's environment
