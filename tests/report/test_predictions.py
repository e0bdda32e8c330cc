import pytest

from accel.behaviour.stored import Stored
from accel.report.predictions import PREDICTIONS, read_predictions, write_predictions
from tests.behaviour.test_decisions import AFTER, BEFORE
from tests.report.test_examples import PUBLIC

SIDES = {"before": Stored(BEFORE), "after": Stored(AFTER)}


def test_both_sides_are_files_of_the_run(tmp_path):
    write_predictions(SIDES, PUBLIC, tmp_path)
    assert sorted(file.name for file in (tmp_path / PREDICTIONS).iterdir()) == ["after.npz", "before.npz"]
    found = read_predictions(PUBLIC, tmp_path, "after")
    assert found is not None
    assert found.kept.change(AFTER)["changed"] == 0


@pytest.mark.parametrize(
    "record",
    [
        {"choices": {"privacy": "dpsgd"}, "privacy": None},
        {"choices": {"privacy": "none"}, "privacy": {"private": False}},
        {"choices": {}},
        {},
    ],
)
def test_nothing_of_a_private_run_is_written_or_read_and_doubt_counts_as_private(tmp_path, record):
    write_predictions(SIDES, record, tmp_path)
    assert list(tmp_path.iterdir()) == []
    write_predictions(SIDES, PUBLIC, tmp_path)  # however they came there
    assert read_predictions(record, tmp_path, "after") is None


def test_a_run_that_keeps_none_has_no_folder_for_them(tmp_path):
    write_predictions({}, PUBLIC, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert read_predictions(PUBLIC, tmp_path, "after") is None
