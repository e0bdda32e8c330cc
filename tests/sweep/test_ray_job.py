"""The worker's side; that Ray runs it is shown in test_ray_pool."""

import sys
from types import SimpleNamespace

from accel.sweep.job_spec import JobSpec
from accel.sweep.supervisor import STOP, RemoteJob


def test_a_job_sees_the_gpus_that_ray_gave_it_and_the_wish_to_stop(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_gpu_ids=lambda: [2, 3]))
    monkeypatch.delitem(sys.modules, "accel.sweep.ray_job", raising=False)
    from accel.sweep import ray_job

    seen = {}

    def supervised(spec, stop):
        seen.update(gpus=spec.gpus, words=spec.words, before=stop())
        (tmp_path / STOP).touch()
        return 7 if stop() else 0

    monkeypatch.setattr(ray_job, "supervise", supervised)
    try:
        spec = JobSpec(words=("seed=1",), output=tmp_path / "o", directory=tmp_path, environment={})
        assert ray_job.work_for_ray(RemoteJob(spec, 4, ("seed=1",), tmp_path, resume=True)) == 7
    finally:
        sys.modules.pop("accel.sweep.ray_job")
    assert seen == {"gpus": ["2", "3"], "words": ("seed=1", f"resume='{tmp_path / '4'}'"), "before": False}
