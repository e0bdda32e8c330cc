from accel.sweep.job_spec import JobSpec


def test_it_is_the_same_after_being_sent(tmp_path):
    spec = JobSpec(
        words=["a=1"], output=tmp_path / "o", directory=tmp_path, environment={"X": "1"}, gpus=["0"], cores=[1]
    )
    assert JobSpec.from_json(spec.to_json()) == spec
    more = spec.ending_with(["b=2"])
    assert (list(more.words), list(spec.words)) == (["a=1", "b=2"], ["a=1"])
