"""What every pool shares: a job's words, and what its record says of its end."""

import json

from accel.report.record import new_record, write_record
from accel.sweep.pool import note_result
from accel.sweep.record import Job


def ended(folder, status, error=None):
    write_record({**new_record([]), "status": status, "error": error}, folder)


def test_the_jobs_own_record_decides(tmp_path):
    job = Job(0, ["seed=1"], tmp_path, exit_code=3)
    ended(job.folder, "failed", "the loss became nan")
    note_result(job)
    assert (job.status, job.error) == ("failed", "the loss became nan")


def test_a_job_without_a_finished_record_died(tmp_path):
    died = Job(1, ["seed=1"], tmp_path, exit_code=-11)
    note_result(died)
    assert died.error == "the process ended with signal SIGSEGV and left no finished record"
    assert json.loads((died.folder / "result.json").read_text())["status"] == "failed"


def test_what_else_ended_it_is_said_too_unless_it_was_done_by_then(tmp_path):
    stopped, done, gone = (Job(number, [], tmp_path) for number in range(3))
    ended(stopped.folder, "interrupted", "Stopped after step 5")
    ended(done.folder, "finished")
    ended(gone.folder, "running")
    for job in (stopped, done, gone):
        note_result(job, "cancelled")
    assert (stopped.status, stopped.error) == ("interrupted", "cancelled: Stopped after step 5")
    assert (done.status, done.error) == ("finished", None)
    assert (gone.status, gone.error) == ("failed", "cancelled")
