"""The task of numbers: its file, its splits, its scale, and runs from the file to the answer."""

import json
import statistics
from types import SimpleNamespace

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.errors import DataError, PlanError
from accel.objective.regression import OrdinalRegression
from accel.objective.regression import Regression as Number
from accel.plan.decide import decide
from accel.task.regression import Regression
from tests.conftest import tiny_words

WORDS = ("terrible", "poor", "usual", "good", "great")


def write(path, rows, header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def stars(count=200, unit=1.0, start=0):
    return [f"the crew on day {n} was {WORDS[n % 5]},{unit * (1 + n % 5):g}" for n in range(start, start + count)]


@pytest.fixture
def ratings(tmp_path):
    return write(tmp_path / "ratings.csv", stars())


def test_numbers_are_read_and_split_and_their_scale_is_that_of_training(ratings):
    task = Regression(train=ratings)
    found = task.load(0)
    assert found.label_names == []
    assert [len(s) for s in (found.train, found.validation, found.test)] == [143, 21, 36]
    assert all(
        1 + WORDS.index(t.split()[-1]) == y for (t,), y in zip(found.train.texts, found.train.labels, strict=True)
    )
    mean, std = statistics.fmean(found.train.labels), statistics.pstdev(found.train.labels)
    assert task.objective(found) == Number((), mean, std)
    assert Regression(train=ratings, mean=3, std=2).objective(found) == Number((), 3, 2)
    assert found.fingerprint != Regression(train=ratings, ordinal=True).load(0).fingerprint


def test_levels_are_those_of_training(ratings):
    task = Regression(train=ratings, ordinal=True)
    found = task.load(0)
    assert found.label_names == ["1", "2", "3", "4", "5"]
    assert isinstance(task.objective(found), OrdinalRegression)
    assert task.objective(found).label_names == ("1", "2", "3", "4", "5")


def test_a_number_that_training_lacks_is_fine_and_a_level_is_not(ratings, tmp_path):
    test = write(tmp_path / "test.csv", ["what a day,7.5"])
    assert Regression(train=ratings, test=test).load(0).test.labels == [7.5]
    with pytest.raises(DataError, match=r"task\.test, .*test\.csv, line 2: the label '7\.5' never occurs in training"):
        Regression(train=ratings, test=test, ordinal=True).load(0)


def test_every_number_may_stand_once(tmp_path):
    """Negative control of the draw without classes: each number is a class of one example, and no split is filled."""
    file = write(tmp_path / "a.csv", [f"text {n},{n / 7}" for n in range(60)])
    found = Regression(train=file).load(0)
    assert len(found.train) + len(found.validation) + len(found.test) == 60
    with pytest.raises(DataError, match="no example is left"):
        Regression(train=file, ordinal=True).load(0)


def test_a_text_with_two_numbers_contradicts_itself(tmp_path):
    file = write(tmp_path / "a.csv", [*stars(60), "the same,1", "the same,2", "twice,3", "twice,3.0"])
    found = Regression(train=file).load(0)
    assert (found.dropped, found.duplicates) == (1, 2)


def test_a_group_stays_in_one_split_and_rows_have_owners(tmp_path):
    rows = [f"text {n} of {n // 6},{n % 4},d{n // 6},o{n % 3}" for n in range(240)]
    file = write(tmp_path / "a.csv", rows, "text,label,document,owner")
    found = Regression(train=file, split_by="document", owner="owner").load(0)
    parts = [{t.split(" of ")[1] for (t,) in s.texts} for s in (found.train, found.validation, found.test)]
    assert sum(map(len, parts)) == 40
    assert set(found.train.owners) == {"o0", "o1", "o2"}


BAD = {
    "a word": ([*stars(9), "x,five"], {}, ["line 11", "'five'", "no number"]),
    "a missing number": ([*stars(9), "x,"], {}, ["line 11", "missing"]),
    "infinite": ([*stars(9), "x,inf"], {}, ["line 11", "cannot", "no number that can be learned"][::2]),
    "a decimal comma": ([*stars(9), 'x,"4,5"'], {}, ["line 11", "decimal point"]),
    "always the same": ([f"text {n},4" for n in range(60)], {}, ["all numbers of training are 4", "task.label"]),
    "no such column": (stars(9), {"label": "lable"}, ["task.label=lable", "Did you mean 'label'"]),
    "no such text": (stars(9), {"text": "txt"}, ["task.text=txt"]),
    "too few rows": (stars(2), {}, ["no example is left"]),
    "no text": ([",1", ",2"], {}, ["all texts", "empty"]),
    "many levels": ([f"t {n},{n % 150}" for n in range(900)], {"ordinal": True}, ["150 different numbers", "ordinal"]),
    "no such group": (stars(9), {"split_by": "user"}, ["task.split_by=user"]),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_where_why_and_what_to_do(tmp_path, case):
    rows, settings, expected = BAD[case]
    with pytest.raises(DataError) as caught:
        Regression(train=write(tmp_path / "a.csv", rows), **settings).load(0)
    for part in expected:
        assert part in str(caught.value), caught.value


def test_a_mistake_is_told_before_any_work(tmp_path, capsys):
    file = write(tmp_path / "a.csv", [*stars(20), "x,five"])
    assert main([*tiny_words(file, tmp_path / "run"), "task=regression"]) == 2
    assert "line 22: 'five'" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [{"std": 0.0}, {"std": -1.0}, {"mean": float("nan")}, {"std": float("inf")}])
def test_a_scale_that_is_none_is_objected_to(settings):
    assert list(Regression(train="a.csv", **settings).objections(SimpleNamespace()))


def test_a_private_scale_is_refused_and_a_given_one_is_not():
    words = ["task=regression", "task.train=a.csv", "privacy=dpsgd"]
    with pytest.raises(PlanError, match="stored in the model"):
        decide(compose(words))
    assert decide(compose([*words, "task.mean=3", "task.std=1.5"]))


def run(ratings, folder, *words):
    own = [w for w in tiny_words(ratings, folder) if not w.startswith(("task=", "trainer.max_steps", "engines"))]
    assert main([*own, "task=regression", "trainer.learning_rate=4e-3", *words]) == 0
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    "engines", ["eager", pytest.param("eager,onnxruntime", marks=[pytest.mark.slow, pytest.mark.full])]
)
def test_a_run_reads_stars_exports_and_answers(ratings, tmp_path, capsys, engines):
    """Ordinal, trained while rounded to int8: its files, the model and the predictor agree, beside the mean's figures."""
    folder = tmp_path / "run"
    words = ["task.ordinal=true", "compression=[qat]", "trainer.max_steps=70", f"engines=[{engines}]"]
    record = run(ratings, folder, *words)
    assert record["metrics"][0]["key"] == "quadratic_kappa"
    assert record["after"]["metrics"]["quadratic_kappa"] > 0.8
    (guess,) = record["baselines"]
    assert guess["metrics"]["rmse"] > 2 * record["after"]["metrics"]["rmse"]
    assert "Without a model, always the mean of training: quadratic kappa 0.0000" in capsys.readouterr().out
    assert "Without a model" in (folder / "report.html").read_text("utf8")
    for export in record["exports"]:
        assert export["metrics"]["rmse"] == pytest.approx(record["after"]["metrics"]["rmse"], abs=0.05)
    assert main(["predict", str(folder), "the crew on day 3 was great", ""]) == 0
    first, empty = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["level"] == 5
    assert first["number"] == pytest.approx(5, abs=1)
    assert empty == {"text": "", "level": None, "number": None}


def test_a_large_unit_is_learned_as_a_small_one_is(tmp_path, train):
    """Negative control of standardising: prices of some ten thousands would take the squares of the loss."""
    words = ["task=regression", "trainer.max_steps=8"]
    small, large = (write(tmp_path / f"{u:g}.csv", stars(unit=u)) for u in (1.0, 65536.0))
    ours, theirs = (train(f"task.train={file}", *words)[1] for file in (small, large))
    assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=1e-5)


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
        ["privacy=dpsgd", "task.mean=3", "task.std=1.5", "privacy.epsilon=null", "privacy.noise_multiplier=1"],
    ],
    ids=" ".join,
)
def test_every_technique_acts_on_it(ratings, train, words):
    """A technique that shows no effect fails."""
    fitted, _, _ = train("task=regression", f"task.train={ratings}", *words, "trainer.max_steps=4")
    assert fitted.steps == 4
    assert all(fitted.evidence.values())
