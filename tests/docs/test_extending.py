"""The recipes of extending.md, followed to the end."""

import json
import re
import sys

import pytest

from accel.cli import main
from accel.core.metric import metrics_of
from accel.docs.topics import pages
from accel.report.pareto import NAMED, goal
from accel.sweep.search import Settings

BLOCK = re.compile(
    r"^\d\. \*\*`(?P<file>my_[\w./]+)`\*\*.*?^   ```\w+\n(?P<text>.*?)^   ```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The three files as the page has them, a CSV file, and a run."""
    folder = tmp_path_factory.mktemp("own_task")
    for found in BLOCK.finditer(pages()["extending"].read_text("utf8")):
        file = folder / found["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(re.sub(r"^   ", "", found["text"], flags=re.MULTILINE))
    rows = [f"the crew on day {i} was {'great' if i % 2 else 'rude'},{4.5 if i % 2 else 1.25}" for i in range(120)]
    (folder / "stars.csv").write_text("\n".join(["text,stars", *rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for name in ("my_stars", "my_number", "my_gains"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def run(place):
    words = [
        "task=stars",
        f"task.train={place / 'stars.csv'}",
        "model=tiny_bert",
        "tracker=none",
        "trainer.max_steps=6",
    ]
    more = ["engines=[onnxruntime]", f"hydra.run.dir={place / 'run'}"]
    assert main(["--config-dir", str(place / "my_conf"), "--plugin", "my_stars", *words, *more]) == 0
    return place / "run"


TECHNIQUE = {"my_gains.py", "my_conf/compression/gains.yaml"}


def test_three_files_are_all_that_the_page_asks_for(place):
    mine = {str(p.relative_to(place)) for p in place.rglob("my_*/**/*.yaml")} | {p.name for p in place.glob("my_*.py")}
    assert mine == {"my_number.py", "my_stars.py", "my_conf/task/stars.yaml", *TECHNIQUE}


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


def test_an_own_technique_is_checked_listed_and_explained(place, capsys):
    flags = ["--config-dir", str(place / "my_conf"), "--plugin=my_gains"]
    assert main([*flags, "check", "compression=[gains]", "model=tiny_bert"]) == 0
    assert "compression=[gains]" in capsys.readouterr().out
    assert main(["check", *flags, "compression=[gains]", "compression.gains.start=-1"]) == 2
    assert "compression.gains.start=1" in capsys.readouterr().err
    assert main([*flags, "--help"]) == 0
    listed = capsys.readouterr().out
    assert {"gains", "stars"} <= set(listed.split())
    assert main(["--help"]) == 0
    assert not {"gains", "stars"} & set(capsys.readouterr().out.split())
    assert main([*flags, "help", "gains"]) == 0
    assert "of each factor, above 0" in capsys.readouterr().out


@pytest.mark.slow
def test_an_own_technique_acts_and_its_parts_are_there_when_the_model_is_loaded(place, tiny_run, tmp_path, capsys):
    flags = ["--config-dir", str(place / "my_conf"), "--plugin", "my_gains"]
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
    words = ["task=five_points", f"task.train={place / 'stars.csv'}", "model=tiny_bert"]
    assert main(["check", "--config-dir", str(place / "my_conf"), "--plugin", "my_stars", *words]) == 0
    assert "task=five_points" in capsys.readouterr().out
    other.unlink()
