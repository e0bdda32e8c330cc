"""What a run is compared with, and what cannot be compared."""

import json

import pytest

from accel.checkpoint.resume import LEARNED
from accel.gate.candidate import Candidate, MissingError, number
from accel.report.records import Recorded
from tests.gate_records import put


def recorded(folder):
    return Recorded(folder, json.loads((folder / "result.json").read_text()))


def test_a_run_is_compared_with_its_own_dense_model_or_with_another_run(tmp_path):
    run, other = recorded(put(tmp_path / "run")), recorded(put(tmp_path / "other", ("after", "cost"), {}))
    assert Candidate(run).reference is run.record["before"]
    assert Candidate(run, other).reference is other.record["after"]
    assert Candidate(run).groups_before() == {"north": 0.86, "south": 0.76}
    assert Candidate(run, other).groups_before() == {"north": 0.85, "south": 0.74}


def test_other_data_and_other_machines_are_told(tmp_path):
    run, same = recorded(put(tmp_path / "run")), recorded(put(tmp_path / "same"))
    assert Candidate(run).other_data() is Candidate(run).other_machine() is None
    assert Candidate(run, same).other_data() is Candidate(run, same).other_machine() is None
    assert "other data" in Candidate(run, recorded(put(tmp_path / "data", learned="x"))).other_data()
    moved = recorded(put(tmp_path / "machine", ("machine",), {"processor": "another", "cores": 64}))
    assert "64 cores of another" in Candidate(run, moved).other_machine()
    (same.folder / LEARNED).unlink()
    assert LEARNED in Candidate(run, same).other_data()


def test_flips_are_known_against_the_own_dense_model_only(tmp_path):
    run = recorded(put(tmp_path / "run"))
    assert Candidate(run).behaviour["right_to_wrong"] == 30
    with pytest.raises(MissingError, match="leave --against out"):
        _ = Candidate(run, run).behaviour


@pytest.mark.parametrize("value", [None, True, "1", {}, []])
def test_what_is_no_number_is_missing(value):
    with pytest.raises(MissingError, match=r"a\.b"):
        number({"a": {"b": value}}, "a", "b")
    assert number({"a": {"b": 1}}, "a", "b") == 1.0
