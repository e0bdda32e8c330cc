"""The task of several labels: its files, its splits, its thresholds, and runs from the file to the answer."""

import json
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import DataError, PlanError
from accel.federated.choices import Partition
from accel.plan.decide import decide
from accel.strategy.federated import Federated
from accel.task.multi_label import MultiLabel
from tests.conftest import tiny_words

TOPICS = ("crew", "food", "delay")


def rows(count=200, start=0):
    """(text, labels), the text naming its labels."""
    chance = random.Random(start)
    for n in range(start, start + count):
        labels = [topic for topic in TOPICS if chance.random() < 0.4]
        yield f"day {n} {' '.join(labels)}", labels


def as_lists(path, found):
    path.write_text("".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in found))
    return str(path)


def as_words(path, found):
    path.write_text("text,label\n" + "".join(f"{t},{'|'.join(y)}\n" for t, y in found))
    return str(path)


def as_columns(path, found):
    lines = (f"{t},{','.join(str(int(topic in y)) for topic in sorted(TOPICS))}\n" for t, y in found)
    path.write_text(f"text,{','.join(sorted(TOPICS))}\n" + "".join(lines))
    return str(path)


@pytest.fixture
def topics(tmp_path):
    return as_words(tmp_path / "topics.csv", rows())


def test_three_ways_to_write_labels_are_the_same_data(tmp_path):
    lists = MultiLabel(train=as_lists(tmp_path / "a.jsonl", rows())).load(0)
    words = MultiLabel(train=as_words(tmp_path / "b.csv", rows())).load(0)
    columns = MultiLabel(train=as_columns(tmp_path / "c.csv", rows()), label=sorted(TOPICS)).load(0)
    assert lists.label_names == sorted(TOPICS)
    assert lists.fingerprint == words.fingerprint == columns.fingerprint
    for (text,), labels in zip(lists.train.texts, lists.train.labels, strict=True):
        assert labels == [float(topic in text.split()) for topic in sorted(TOPICS)]
    assert len(lists.train) + len(lists.validation) + len(lists.test) == 200


def test_what_nobody_knows_stays_unknown_and_a_row_without_anything_known_goes(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,a,b\n" + "".join(f"text {n},{n % 2},{'' if n % 3 else 1}\n" for n in range(90)) + "none,,\n")
    found = MultiLabel(train=str(file), label=["a", "b"]).load(0)
    assert found.dropped == 1
    assert "1 row dropped: none of its labels is known" in found.notes
    assert {tuple(labels) for labels in found.train.labels} == {(a, b) for a in (0.0, 1.0) for b in (1.0, None)}


def test_a_label_that_training_lacks_is_left_out_or_in_a_file_of_its_own_refused(tmp_path, topics):
    file = as_words(tmp_path / "rare.csv", [*rows(), *((f"rare {n}", [f"rare{n}"]) for n in range(12))])
    found = MultiLabel(train=file).load(0)
    lost = 12 - sum(name.startswith("rare") for name in found.label_names)
    assert found.dropped == lost > 0
    assert any("training has no example of rare" in note for note in found.notes)
    test = as_words(tmp_path / "test.csv", [("fine", ["crew"]), ("odd", ["meal", "crew"])])
    with pytest.raises(DataError, match=r"task\.test, .*test\.csv, line 3: the label 'meal' never occurs in training"):
        MultiLabel(train=topics, test=test).load(0)


BAD = {
    "a number": ([{"text": "x", "label": 3}], {}, ["line 61", "not labels"]),
    "a number in a list": ([{"text": "x", "label": [0.5]}], {}, ["line 61", "the label 0.5"]),
    "a broken list": ([{"text": "x", "label": "[crew"}], {}, ["line 61", "begins as a list"]),
    "an empty label": ([{"text": "x", "label": [" "]}], {}, ["line 61", "empty"]),
    "a missing key": ([{"text": "x"}], {}, ["line 61", "no key 'label'"]),
    "no such column": ([], {"label": "topics"}, ["task.label=topics", "no column"]),
    "no such columns": ([], {"label": ["label", "food"]}, ["task.label=food", "no column"]),
    "lists as columns": ([], {"label": ["label"]}, ["line 1", "holds", "Write 1"]),
    "no such text": ([], {"text": "txt"}, ["task.text=txt"]),
    "no such group": ([], {"split_by": "user"}, ["task.split_by=user"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_where_why_and_what_to_do(tmp_path, case):
    more, settings, expected = BAD[case]
    file = tmp_path / "a.jsonl"
    as_lists(file, rows(60))
    file.write_text(file.read_text() + "".join(json.dumps(row) + "\n" for row in more))
    with pytest.raises(DataError) as caught:
        MultiLabel(train=str(file), **settings).load(0)
    for part in expected:
        assert part in str(caught.value), caught.value


def test_nothing_to_learn_is_refused(tmp_path):
    with pytest.raises(DataError, match="no text of training has a label"):
        MultiLabel(train=as_lists(tmp_path / "a.jsonl", [(f"t {n}", []) for n in range(60)])).load(0)
    file = tmp_path / "a.csv"
    file.write_text("text,a,b\n" + "".join(f"text {n},{n % 2},0\n" for n in range(60)))
    with pytest.raises(DataError, match="no text of training has 1 in column 'b'"):
        MultiLabel(train=str(file), label=["a", "b"]).load(0)
    with pytest.raises(DataError, match="no example is left"):
        MultiLabel(train=as_lists(tmp_path / "b.jsonl", [("a", ["x"]), ("b", ["x"])])).load(0)


def test_a_mistake_is_told_before_any_work(tmp_path, capsys):
    file = as_lists(tmp_path / "a.jsonl", [*rows(30), ("x", [True])])
    assert main([*tiny_words(file, tmp_path / "run"), "task=multi_label"]) == 2
    assert "line 31" in capsys.readouterr().out


@pytest.mark.parametrize(
    "settings",
    [
        {"label": []},
        {"label": ["a", "a"]},
        {"separator": " "},
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"label": "text"},
    ],
)
def test_settings_out_of_range_are_objected_to(settings):
    assert list(MultiLabel(train="a.csv", **settings).objections(SimpleNamespace()))
    assert not list(MultiLabel(train="a.csv", label=["a", "b"], threshold=0.4).objections(SimpleNamespace()))


def test_private_thresholds_are_refused_and_given_ones_are_not(topics):
    words = ["task=multi_label", f"task.train={topics}", "privacy=dpsgd"]
    with pytest.raises(PlanError, match="thresholds are chosen on private examples"):
        decide(compose(words))
    plan = decide(compose([*words, "task.threshold=0.4"]))
    objective = plan.task.objective(plan.task.load(0))
    assert objective.thresholds == (0.4, 0.4, 0.4)
    assert objective.is_fitted


def test_clients_are_not_dealt_sets_of_labels():
    from accel.objective.multi_label import MultiLabel as Labels

    with pytest.raises(DataError, match="not one each"):
        Federated(partition=Partition.labels).check_data(None, Labels(["a", "b"]), 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "engines", ["eager", pytest.param("eager,onnxruntime", marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_a_run_chooses_thresholds_exports_and_answers(topics, tmp_path, capsys, engines):
    """The model's own thresholds and its dense baseline's, in whatever reads the folders."""
    folder = tmp_path / "run"
    own = [w for w in tiny_words(topics, folder) if not w.startswith(("task=", "trainer.max_steps", "engines"))]
    words = ["task=multi_label", "compression=[qat]", "trainer.max_steps=60", "trainer.learning_rate=6e-3"]
    assert main([*own, *words, f"engines=[{engines}]"]) == 0
    record = json.loads((folder / "result.json").read_text())
    thresholds = json.loads((folder / "model" / "accel.json").read_text())["answering"]["thresholds"]
    assert len(thresholds) == 3
    assert [m["key"] for m in record["metrics"]] == ["macro_f1", "micro_f1", "map", "exact_match", "loss"]
    assert record["after"]["metrics"]["micro_f1"] >= record["baselines"][0]["metrics"]["micro_f1"] - 0.05
    assert {c["label"] for c in record["after"]["per_class"]} == set(TOPICS)
    for export in record["exports"]:
        assert export["metrics"]["loss"] == pytest.approx(record["after"]["metrics"]["loss"], abs=0.02)
    capsys.readouterr()
    assert main(["predict", str(folder), "day 3 food delay", ""]) == 0
    first, empty = map(json.loads, capsys.readouterr().out.splitlines())
    names = sorted(TOPICS)
    assert set(first["labels"]) == {n for n, t in zip(names, thresholds, strict=True) if first["scores"][n] >= t}
    assert empty["labels"] == []


def test_the_dense_baseline_has_thresholds_of_its_own(topics, tmp_path, monkeypatch):
    """Chosen once per model, after it was trained: the seam is asked with the answers on validation."""
    from accel.data.prepared import prepare
    from accel.run.score import ready_to_answer, scorer

    plan = decide(compose([*tiny_words(topics), "task=multi_label"]))
    data = prepare(plan.task.load(0), plan)
    model = plan.model.network(data.objective)
    found = ready_to_answer(data, model)
    assert found.objective.is_fitted
    assert ready_to_answer(found, model) is found
    assert found.artifact_facts()["answering"]["thresholds"] == list(found.objective.thresholds)
    assert scorer(data)(model) == scorer(found)(model)
    other = replace(found, objective=replace(found.objective, thresholds=(0.999,) * 3))
    assert scorer(other)(model).metrics["micro_f1"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["compression=[prune,distill]", "compression.prune.every_steps=1"],
        ["compression=[mask,ptq]", "compression.mask.every_steps=1"],
        ["compression=[vocabulary]"],
        ["compression=[layers,qat]"],
        ["tuning=lora"],
        ["tuning=prompt"],
        ["tuning=head"],
        ["privacy=dpsgd", "task.threshold=0.5", "privacy.epsilon=null", "privacy.noise_multiplier=1"],
    ],
    ids=" ".join,
)
def test_every_technique_acts_on_it(topics, train, words):
    """A technique that shows no effect fails."""
    fitted, _, _ = train("task=multi_label", f"task.train={topics}", *words, "trainer.max_steps=4")
    assert fitted.steps == 4
    assert all(fitted.evidence.values())
