"""The recipes of extending.md, followed to the end."""

import json
import re
import sys
from contextlib import ExitStack, contextmanager
from importlib import import_module

import pytest

from accel.cli import main
from accel.core.metric import metrics_of
from accel.docs.topics import pages
from accel.export.export import checked
from accel.export.onnx import ExportError, require_parity
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.report.pareto import NAMED, goal
from accel.sweep.search import Settings

SECTION = re.compile(r"^## (?P<title>.*? of your own)$(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(
    r"^\d\. \*\*`(?P<file>my_[\w./]+)`\*\*.*?^   ```\w+\n(?P<text>.*?)^   ```$", re.MULTILINE | re.DOTALL
)


RECIPES = {found["title"]: found["text"] for found in SECTION.finditer(pages()["extending"].read_text("utf8"))}
COUNTS = {"Two": 2, "Three": 3}


def files_of(recipe):
    """What a recipe has one write, by path."""
    return {
        found["file"]: re.sub(r"^   ", "", found["text"], flags=re.MULTILINE)
        for found in BLOCK.finditer(RECIPES[recipe])
    }


def follow(recipe, folder):
    """Write a recipe's files, and a CSV file of two labels and a number for each text."""
    for name, text in files_of(recipe).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    rows = [f"the crew on day {i} was {'great,4.5,good' if i % 2 else 'rude,1.25,bad'}" for i in range(120)]
    (folder / "texts.csv").write_text("\n".join(["text,stars,label", *rows]))


@contextmanager
def followed(recipe, folder):
    """Its files, importable as long as they are asked for."""
    follow(recipe, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for name in files_of(recipe):
        sys.modules.pop(name.removesuffix(".py"), None)


def typed(folder, plugin, *words):
    """As a user types it: a short run of a tiny model, with the files of a recipe."""
    run = ["model=tiny_bert", "trainer.max_steps=6", "engines=[eager]", f"hydra.run.dir={folder / 'run'}"]
    return ["--config-dir", str(folder / "my_conf"), "--plugin", plugin, *run, *words]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_needs_as_many_files_as_the_page_says(recipe):
    said = re.search(r"(\w+)\s+files and a test\.", RECIPES[recipe])
    assert len(files_of(recipe)) == COUNTS[said[1]] <= 3


def test_there_is_a_recipe_for_what_is_added_most():
    kinds = ("task", "metric", "tuning", "tracker", "engine", "technique")
    assert {f"A{'n' * (kind[0] == 'e')} {kind} of your own" for kind in kinds} <= set(RECIPES)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The three files as the page has them, a CSV file, and a run."""
    with followed("A task of your own", tmp_path_factory.mktemp("own_task")) as folder:
        yield folder


@pytest.fixture(scope="module")
def run(place):
    words = [
        "task=stars",
        f"task.train={place / 'texts.csv'}",
        "model=tiny_bert",
        "tracker=none",
        "trainer.max_steps=6",
    ]
    more = ["engines=[onnxruntime]", f"hydra.run.dir={place / 'run'}"]
    assert main(["--config-dir", str(place / "my_conf"), "--plugin", "my_stars", *words, *more]) == 0
    return place / "run"


@pytest.mark.slow
def test_it_trains_is_scored_by_its_own_metric_and_its_files_score_the_same(run):
    record = json.loads((run / "result.json").read_text())
    assert record["status"] == "finished"
    assert [(m.key, m.higher_is_better) for m in metrics_of(record)] == [("rmse", False), ("loss", False)]
    scores = record["after"]["metrics"]
    assert set(scores) == {"rmse", "loss"}
    assert scores["rmse"] == pytest.approx(scores["loss"] ** 0.5)
    assert record["data"]["labels"] == []
    assert {e["format"] for e in record["exports"]} == {"safetensors", "onnx"}
    assert all(e["metrics"]["rmse"] == pytest.approx(scores["rmse"], abs=1e-4) for e in record["exports"])
    assert "RMSE" in (run / "report.html").read_text("utf8")


def test_it_reloads_with_its_module_and_is_refused_without(run, capsys, monkeypatch):
    assert main(["predict", str(run), "--plugin", "my_number", "the crew was great"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"text", "number"}
    assert main(["explain", str(run), "--plugin=my_number", "the crew was great"]) == 0
    assert json.loads(capsys.readouterr().out)["number"] == pytest.approx(answer["number"], abs=1e-3)
    assert main(["attack", str(run), "--plugin", "my_stars"]) == 2
    assert "gives texts no labels" in capsys.readouterr().err
    from accel.core import objective

    monkeypatch.delitem(objective._BY_NAME, "number")
    assert main(["predict", str(run), "the crew was great"]) == 2
    assert "--plugin MODULE" in capsys.readouterr().err


def test_it_is_compared_in_its_own_direction(run, tmp_path, capsys):
    record = json.loads((run / "result.json").read_text())
    for name, rmse in (("good", 0.4), ("bad", 1.9)):
        (tmp_path / name).mkdir()
        record["after"]["metrics"]["rmse"] = rmse
        (tmp_path / name / "result.json").write_text(json.dumps({**record, "name": name}))
    capsys.readouterr()
    assert main(["compare", str(tmp_path), "--sort", "rmse"]) == 0
    text = capsys.readouterr().out
    assert "RMSE" in text
    assert text.index("0.4") < text.index("1.9")


def test_it_is_searched_in_its_own_direction(run):
    """A study maximizes: the lower figure must be the better one, under the quality's name and under its own."""
    record = json.loads((run / "result.json").read_text())
    for name in ("quality", "rmse"):
        Settings("tpe", objectives=[name]).check()
        (found,) = Settings("tpe", objectives=[name]).goals()
        told = []
        for rmse in (0.4, 1.9):
            record["after"]["validation"] = {"rmse": rmse, "loss": rmse**2}
            told.append(found.told(record))
        assert found.direction == "maximize"
        assert told == [-0.4, -1.9]
    assert goal("rmsle") is None
    assert goal("accuracy").told({"after": {"validation": {"accuracy": 0.75}}}) == 0.75
    assert goal("quality") is NAMED["quality"]


@pytest.fixture
def at(tmp_path):
    """``at(recipe)``: its folder, with its files."""
    with ExitStack() as held:
        yield lambda recipe: held.enter_context(followed(recipe, tmp_path))


def test_a_metric_is_the_quality_of_its_runs(at, capsys):
    folder = at("A metric of your own")
    words = ["task=reviews", f"task.train={folder / 'texts.csv'}", "tracker=none"]
    assert main(typed(folder, "my_reviews", *words)) == 0
    record = json.loads((folder / "run" / "result.json").read_text())
    assert [m.key for m in metrics_of(record)] == ["balanced_accuracy", "accuracy", "macro_f1", "loss"]
    found, recalls = record["after"]["metrics"], [label["recall"] for label in record["after"]["per_class"]]
    assert found["balanced_accuracy"] == pytest.approx(sum(recalls) / len(recalls))
    (searched,) = Settings("tpe", objectives=["balanced_accuracy"]).goals()
    assert searched.told({"after": {"validation": {"balanced_accuracy": 0.75}}}) == 0.75
    capsys.readouterr()
    assert main(["compare", str(folder / "run")]) == 0
    assert "balanced" in capsys.readouterr().out
    assert main(["predict", str(folder / "run"), "--plugin", "my_balance", "the crew was great"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] in ("good", "bad")


def test_a_tuning_trains_what_it_says_and_is_refused_as_its_kind_is(at, capsys):
    folder = at("A tuning of your own")
    task = ["task=text_classification", f"task.train={folder / 'texts.csv'}", "tracker=none", "tuning=biases"]
    assert main(typed(folder, "my_biases", *task)) == 0
    record = json.loads((folder / "run" / "result.json").read_text())
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    assert evidence["biases"] == {"trained_biases": 2}  # of two layers
    check = ["check", *typed(folder, "my_biases", *task)]
    assert main([*check, "tuning.matching=*query.weight"]) == 2
    assert "ends with bias" in capsys.readouterr().err
    assert main([*check, "compression=[prune]"]) == 2
    assert "tuning=biases" in capsys.readouterr().err
    assert main([*check, "compression=[qat]"]) == 0


def test_a_tuning_that_matches_nothing_fails_its_run(at, capsys):
    folder = at("A tuning of your own")
    task = ["task=text_classification", f"task.train={folder / 'texts.csv'}", "tracker=none", "tuning=biases"]
    assert main(typed(folder, "my_biases", *task, "tuning.matching=*no_such.bias")) == 3
    assert "shows no effect" in " ".join(capsys.readouterr().out.split())


def test_a_tracker_is_asked_first_and_hears_of_a_run_that_failed(at, capsys):
    folder = at("A tracker of your own")
    file, nowhere = folder / "runs.jsonl", folder / "nowhere" / "runs.jsonl"
    task = ["task=text_classification", f"task.train={folder / 'texts.csv'}", "tracker=journal"]
    assert main(typed(folder, "my_journal", *task, f"tracker.file={nowhere}")) == 2
    assert "in no folder that exists" in " ".join(capsys.readouterr().out.split())
    assert main(typed(folder, "my_journal", *task, f"tracker.file={file}", "trainer.learning_rate=1e30")) == 3
    (line,) = file.read_text().splitlines()
    assert {"exit_code": 3, "status": "failed"}.items() <= json.loads(line).items()


def engine_words(folder, *words):
    """As a user types it."""
    flags = ["--config-dir", str(folder / "my_conf"), "--plugin", "my_program"]
    task = ["task=text_classification", f"task.train={folder / 'texts.csv'}", "model=tiny_bert", "tracker=none"]
    return [*flags, *task, "trainer.max_steps=6", f"hydra.run.dir={folder / 'run'}", *words]


def test_an_engine_is_chosen_beside_others_and_misspelt_is_told(at, capsys):
    folder = at("An engine of your own")
    words = engine_words(folder, "engines=[eager,program]")
    assert main(["check", *words]) == 0
    assert "measured on                  eager, program" in capsys.readouterr().out
    assert main(["check", *words[:2], *words[4:]]) == 2
    assert "Add --plugin my_program" in capsys.readouterr().err
    assert main(["check", *engine_words(folder, "engines=[progam]")]) == 2
    assert "Did you mean 'program'" in capsys.readouterr().err


@pytest.mark.slow
def test_its_files_are_the_model_or_are_rejected(at, tmp_path):
    at("An engine of your own")
    engine = import_module("my_program").Program()

    model = TinyBert(num_layers=1).network(Classification(["a", "b"])).eval()
    other = TinyBert(num_layers=1, weights_seed=5).network(Classification(["a", "b"])).eval()
    (made,) = engine.export(model, tmp_path, None)
    assert (made.format, made.max_abs_diff < 1e-4) == ("program", True)
    assert list(engine.candidates(model, tmp_path)) == ["float32"]
    (format,) = engine.formats
    with pytest.raises(ExportError, match="not the same model"):
        checked(other, tmp_path, format, None, require_parity)
    assert list(engine.candidates(model, tmp_path)) == []


@pytest.mark.slow
def test_an_engine_is_measured_on_both_sides_and_exports_again(at, capsys):
    folder = at("An engine of your own")
    words = ["compression=[ptq]", "engines=[eager,program]", f"cache={folder / 'cache'}"]
    assert main(engine_words(folder, *words)) == 0
    record = json.loads((folder / "run" / "result.json").read_text())
    for side in ("before", "after"):
        assert "program" in {cost["engine"] for cost in record[side]["engines"]}
    (made,) = (export for export in record["exports"] if export["format"] == "program")
    assert made["metrics"]["accuracy"] == pytest.approx(record["after"]["metrics"]["accuracy"])
    assert 0 < made["cold_load_imports_ms"] < made["cold_load_ms"]
    assert made["latency_ms_p50"] > 0
    assert record["choices"]["engines"] == ["eager", "program"]
    (folder / "run" / "model" / "model.program.pt2").unlink()
    export = ["export", str(folder / "run"), "--format", "program"]
    assert main([*export, "--plugin", "my_program"]) == 0
    assert (folder / "run" / "model" / "model.program.pt2").is_file()
    assert main(["compare", str(folder / "run")]) == 0


def test_an_own_technique_is_checked_listed_and_explained(at, capsys):
    flags = ["--config-dir", str(at("A technique of your own") / "my_conf"), "--plugin=my_gains"]
    assert main([*flags, "check", "compression=[gains]", "model=tiny_bert"]) == 0
    assert "compression=[gains]" in capsys.readouterr().out
    assert main(["check", *flags, "compression=[gains]", "compression.gains.start=-1"]) == 2
    assert "compression.gains.start=1" in capsys.readouterr().err
    assert main([*flags, "--help"]) == 0
    listed = capsys.readouterr().out
    assert "gains" in listed.split()
    assert main(["--help"]) == 0
    assert "gains" not in capsys.readouterr().out.split()
    assert main([*flags, "help", "gains"]) == 0
    assert "of each factor, above 0" in capsys.readouterr().out


@pytest.mark.slow
def test_an_own_technique_acts_and_its_parts_are_there_when_the_model_is_loaded(at, tiny_run, tmp_path, capsys):
    flags = ["--config-dir", str(at("A technique of your own") / "my_conf"), "--plugin", "my_gains"]
    assert main([*flags, *tiny_run, "compression=[gains]", "compression.gains.start=2"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    (technique,) = [t for t in record["techniques"] if t["name"] == "gains"]
    assert technique["evidence"]["largest_change"] > 0
    assert json.loads((tmp_path / "run" / "model" / "accel.json").read_text())["edits"] == [
        {"edit": "gain", "start": 2.0}
    ]
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), *flags, "the crew was great"]) == 0
    assert json.loads(capsys.readouterr().out)["label"]


def test_an_option_is_called_as_its_file_whatever_its_class_is_called(place, capsys):
    other = place / "my_conf" / "task" / "five_points.yaml"
    other.write_text((place / "my_conf" / "task" / "stars.yaml").read_text())
    words = ["task=five_points", f"task.train={place / 'texts.csv'}", "model=tiny_bert"]
    assert main(["check", "--config-dir", str(place / "my_conf"), "--plugin", "my_stars", *words]) == 0
    assert "task=five_points" in capsys.readouterr().out
    other.unlink()
