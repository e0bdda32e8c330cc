import json
from pathlib import Path

from accel.report.record import new_record, write_record
from accel.report.records import MOST_NAMED, Recorded, busy_remarks, find, privacy_remarks


def test_finds_runs_and_sweeps_and_says_what_it_leaves_out(tmp_path):
    for name in ("0", "1", "10", "2"):
        write_record({**new_record(["seed=1", f"hydra.run.dir={name}"]), "status": "finished"}, tmp_path / "s" / name)
    (tmp_path / "s" / "3").mkdir()
    (tmp_path / "s" / "3" / "result.json").write_text("{")
    found, remarks = find([tmp_path / "s", tmp_path / "s" / "0"])
    assert [r.folder.name for r in found] == ["0", "1", "2", "10"]
    assert found[0].overrides == ["seed=1"]
    assert len(remarks) == 1
    assert "is left out" in remarks[0]


def test_figures_and_choices_are_read_safely(tmp_path):
    run = Recorded(
        tmp_path, json.loads('{"after": {"x": 1, "b": true}, "choices": {"compression": ["a", "b"], "c": []}}')
    )
    assert run.number("after", "x") == 1
    assert run.number("after", "b") is None
    assert run.number("before", "x") is None
    assert run.choices == {"compression": "a+b", "c": "none"}


def test_an_end_of_an_interval_is_a_figure():
    run = Recorded(Path("x"), {"behaviour": {"difference_interval": [-0.1, 0.2]}})
    assert run.number("behaviour", "difference_interval", "1") == 0.2
    assert run.number("behaviour", "difference_interval", "2") is None
    assert run.number("behaviour", "difference_interval", "x") is None


def test_a_private_sweep_says_what_all_its_runs_spent(tmp_path):
    spent = {"epsilon": 5.83, "delta": 1e-5, "runs": 4}
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": [], "privacy": spent}))
    (remark,) = privacy_remarks([tmp_path])
    assert "4 private runs together spent epsilon 5.83" in remark
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": [], "privacy": None}))
    assert privacy_remarks([tmp_path, tmp_path / "missing"]) == []


def measured(name, ratio):
    return Recorded(Path(name), {"measurement": {"noise_ratio": ratio}})


def test_runs_whose_clock_cannot_be_trusted_are_named():
    (remark,) = busy_remarks(
        [measured("quiet", 1.2), measured("slow", 1.5), measured("fast", 0.5), Recorded(Path("x"), {})]
    )
    assert remark.endswith("by up to a factor 2, so their times say little: slow, fast.")
    assert busy_remarks([measured("quiet", 1.2)]) == []
    (remark,) = busy_remarks([measured(str(n), 2.0) for n in range(MOST_NAMED + 2)])
    assert remark.endswith("7 and 2 more.")
