"""What is noted of a run; what is judged by it is in ``tests/plan/test_public_data.py``."""

import json
from dataclasses import asdict, replace

import pytest

from accel.config.compose import compose
from accel.core.meta import META, Meta
from accel.core.seen import Seen
from accel.model.local import Local
from accel.plan.decide import decide
from accel.privacy.dpsgd import Dpsgd
from accel.weights.provenance import (
    NOTE,
    begin,
    packaged_task,
    public_tasks,
    read_note,
    seen_by,
    seen_in,
    spent,
)


@pytest.fixture
def plan(tiny_csv, tmp_path):
    return decide(
        compose(
            ["task=text_classification", f"task.train={tiny_csv}", "model=tiny_bert", f"cache={tmp_path / 'cache'}"]
        )
    )


def test_what_a_folder_lists_comes_before_the_plan_s_own_data(plan, tmp_path):
    before = (Seen("a.csv", "f1"), Seen("b.csv", "f2", "r", 3.0, 1e-5, "one record"))
    (tmp_path / META).write_text(json.dumps(asdict(Meta(["a"], 8, trained_on=before))))
    found = seen_by(replace(plan, model=Local(path=str(tmp_path))))
    assert found[:2] == before
    assert found[2].name == "tiny.csv"
    assert str(tmp_path) not in json.dumps([asdict(entry) for entry in found])


def test_a_folder_that_says_nothing_is_noted_as_one(tmp_path):
    assert seen_in(tmp_path / "model") == (Seen(f"{tmp_path.name}/model"),)
    (tmp_path / META).write_text(json.dumps({"label_names": ["a"], "max_length": 8}))
    assert seen_in(tmp_path)[0].fingerprint == ""


def test_what_a_private_run_spent_stands_beside_its_own_data_alone():
    entries = (Seen("public", "f1"), Seen("mine", "f2", "r1"), Seen("theirs", "f3", "r2", 1.0, 1e-6, "one record"))
    stated = {"private": True, "epsilon": 8.0, "delta": 1e-5, "unit": "one record"}
    found = spent(entries, "r1", stated)
    assert found == (entries[0], replace(entries[1], epsilon=8.0, delta=1e-5, unit="one record"), entries[2])
    assert spent(entries, "r1", {**stated, "private": False}) == spent(entries, "r1", None) == entries


def test_a_run_that_goes_on_where_nobody_noted_anything_says_so(plan, tmp_path):
    (unknown, own) = begin(plan, tmp_path, "r", resumed=True)
    assert (unknown.fingerprint, own.name) == ("", "tiny.csv")
    assert begin(plan, tmp_path, "r", resumed=True) == (unknown, own) == read_note(tmp_path)
    (tmp_path / NOTE).write_text("{")
    assert read_note(tmp_path) is None


def test_two_private_runs_on_the_same_data_are_two_entries(plan, tmp_path):
    private = replace(plan, privacy=Dpsgd())
    (first,) = seen_by(private, "r1")
    (tmp_path / META).write_text(json.dumps(asdict(Meta(["a"], 8, trained_on=(replace(first, epsilon=8.0),)))))
    found = seen_by(replace(private, model=Local(path=str(tmp_path))), "r2")
    assert [(entry.run, entry.epsilon) for entry in found] == [("r1", 8.0), ("r2", None)]
    assert found[0].fingerprint == found[1].fingerprint


def test_tasks_that_need_a_file_have_no_data_of_their_own():
    assert packaged_task("text_classification") is packaged_task("nobody") is None
    assert {"airline", "tweets"} <= {task.option_name() for task in public_tasks()}
