import json

from accel.sweep.record import Job, read_sweep, result_of, write_sweep


def finished(job, accuracy, latency, size):
    job.status = "finished"
    job.folder.mkdir(parents=True)
    after = {"metrics": {"accuracy": accuracy}, "cost": {"latency_ms_p50": latency, "size_bytes": size}}
    (job.folder / "result.json").write_text(json.dumps({"status": "finished", "after": after}))
    return job


def test_states_the_jobs_and_the_pareto_set(tmp_path):
    jobs = [Job(i, [f"seed={i}"], tmp_path) for i in range(4)]
    for job, figures in zip(jobs, [(0.9, 5, 10), (0.8, 6, 11), (0.8, 4, 10)], strict=False):
        finished(job, *figures)
    write_sweep(jobs, tmp_path)
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record["pareto"] == [0, 2]
    assert [j["status"] for j in record["jobs"]] == ["finished"] * 3 + ["waiting"]
    assert read_sweep(tmp_path) == record["jobs"]


def test_what_cannot_be_read_is_empty(tmp_path):
    assert read_sweep(tmp_path) == []
    (tmp_path / "sweep.json").write_text("{")
    assert read_sweep(tmp_path) == []
    assert result_of(tmp_path) is None


def test_a_line_names_the_reason_and_the_log(tmp_path):
    job = Job(3, ["seed=1"], tmp_path, status="failed", error="it broke\nmore")
    assert "it broke" in job.line()
    assert "3.output.txt" in job.line()
    assert "more" not in job.line()
