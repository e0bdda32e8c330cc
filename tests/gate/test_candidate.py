"""What a run is compared with, and what cannot be compared."""

import json

import pytest

from accel.checkpoint.resume import LEARNED
from accel.gate.candidate import Candidate, MissingError, number
from accel.report.predictions import write_predictions
from accel.report.records import Recorded
from tests.behaviour.test_decisions import AFTER, BEFORE, decided
from tests.behaviour.test_stored import stored
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


def test_flips_are_known_against_the_own_dense_model(tmp_path):
    assert Candidate(recorded(put(tmp_path / "run"))).behaviour["right_to_wrong"] == 30


def runs_with(tmp_path, **kept):
    """Runs without privacy that keep these predictions."""
    for name, decisions in kept.items():
        folder = put(tmp_path / name, ("privacy",), None, choices={"privacy": "none"})
        write_predictions({"after": stored(decisions)}, recorded(folder).record, folder)
        yield recorded(folder)


def test_flips_and_the_interval_are_known_against_another_run_that_keeps_its_predictions(tmp_path):
    run, other = runs_with(tmp_path, run=AFTER, other=BEFORE)
    found = Candidate(run, other).behaviour
    assert (found["right_to_wrong"], found["predictions"]) == (2, 6)
    assert found["difference_interval"][0] < 0 < found["difference_interval"][1]
    assert Candidate(run, run).behaviour["changed"] == 0


def test_predictions_that_are_not_there_or_of_other_texts_are_missing(tmp_path):
    run, other, private = *runs_with(tmp_path, run=AFTER, other=decided([0], [0])), recorded(put(tmp_path / "private"))
    with pytest.raises(MissingError, match="other texts"):
        _ = Candidate(run, other).behaviour
    write_predictions({"after": stored(AFTER)}, run.record, private.folder)
    for pair in ((run, private), (private, run)):
        with pytest.raises(MissingError, match="private has no predictions"):
            _ = Candidate(*pair).behaviour


@pytest.mark.parametrize("value", [None, True, "1", {}, []])
def test_what_is_no_number_is_missing(value):
    with pytest.raises(MissingError, match=r"a\.b"):
        number({"a": {"b": value}}, "a", "b")
    assert number({"a": {"b": 1}}, "a", "b") == 1.0
