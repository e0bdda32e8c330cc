"""What a sweep leaves for its Slurm jobs, and they for it."""

import pytest

from accel.errors import DataError
from accel.sweep.job_spec import JobSpec
from accel.sweep.slurm_files import Ending, JobFiles, Submission
from accel.sweep.supervisor import RemoteJob


@pytest.fixture
def submission(tmp_path):
    spec = JobSpec(["a=1"], tmp_path / "o", tmp_path, {"X": "1"}, cores=[], threads=2)
    return Submission(RemoteJob(spec, 3, ("a=1",), tmp_path, resume=True), timeout_min=60, timeouts_left=2)


def test_a_submission_and_an_ending_survive_the_journey(submission, tmp_path):
    files = JobFiles(tmp_path, "12_3")
    files.write_submission(submission)
    assert files.read_submission() == submission
    assert submission.after_a_timeout().timeouts_left == 1
    files.write_ending(Ending(3, restarts=1, time_was_up=True), 0)
    assert files.read_ending() == Ending(3, restarts=1, time_was_up=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["12_3_0_ending.json", "12_3_job.json"]


def test_the_files_of_this_process(tmp_path):
    assert JobFiles.here(tmp_path, {"SLURM_JOB_ID": "7"}).id == "7"
    array = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "1"}
    assert JobFiles.here(tmp_path, array).id == "8_1"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_may_write_is_not_run(submission, tmp_path, mode):
    """Its environment could name a library that every program loads. Negative control: 0o600, above."""
    files = JobFiles(tmp_path, "1")
    files.write_submission(submission)
    files.submission.chmod(mode)
    with pytest.raises(DataError, match="may be written by others"):
        files.read_submission()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"exit_code": 0, "more": 1}', "\x80\x04"])
def test_an_ending_that_is_none_is_told(tmp_path, text):
    files = JobFiles(tmp_path, "1")
    files.ending().write_text(text)
    assert "cannot be read" in files.read_ending().error
