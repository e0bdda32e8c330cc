import json

import pytest

from accel import cli
from accel.cli import main
from accel.look.command import words_to_run
from tests.look.files import NINE, write
from tests.test_cli import outside


def test_a_look_prints_columns_and_the_command_and_starts_nothing(tmp_path, capsys):
    file = write(tmp_path, "tweets.csv")
    assert main(["data", file]) == 0
    said = capsys.readouterr().out
    assert "airline_sentiment_confidence  " in said
    assert "Understood: task=text_classification: 'airline_sentiment' has 3 classes." in said
    assert f"The same in full:\n  accel task=text_classification task.train={file} task.text=text" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "tweets.csv"]


def test_json_and_a_page(tmp_path, capsys):
    page = tmp_path / "look.html"
    assert main(["data", write(tmp_path, "similar.tsv"), "--json", "--html", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["rows"], found["language"]) == ("regression", 120, "English")
    assert found["command"].startswith("accel task=regression ")
    assert page.read_text("utf8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "nowhere.csv"], "there is no such file"),
        (["nowhere.csv"], "there is no such file"),
        (["data", "{file}", "--nonsense"], "--nonsense is no flag"),
        (["data", "{file}", "word"], "word is no flag"),
        (["{file}", "preset=fst"], "fast"),
    ],
)
def test_a_mistake_is_refused_at_once(words, said, tmp_path, capsys):
    file = write(tmp_path, "reviews.csv")
    assert main([word.format(file=file) for word in words]) == 2
    assert said in capsys.readouterr().err


def test_a_file_alone_runs_what_was_said(tmp_path, capsys, monkeypatch):
    started = []
    monkeypatch.setattr(cli, "run", lambda words: started.append(words) or 0)
    file = write(tmp_path, "reviews.csv")
    assert main([file, "preset=fast", "-m", "seed=0,1"]) == 0
    ((*words, flag),) = started
    assert flag == "-m"
    assert words[:2] == ["task=text_classification", f"task.train={file}"]
    assert words[-2:] == ["preset=fast", "seed=0,1"]
    assert "The same in full:" in capsys.readouterr().out


def test_flags_keep_their_values(tmp_path):
    words = words_to_run(write(tmp_path, "reviews.csv"), ["--plugin", "mine", "--debug", "seed=1"])
    assert words[-3:] == ["--plugin", "mine", "--debug"]


def test_no_torch_is_imported_for_a_look(tmp_path):
    done = outside(["data", write(tmp_path, "reviews.csv", NINE["reviews.csv"])], tmp_path, {"transformers", "pandas"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_run_would_refuse_in_the_file_is_said_before_one_is_started(tmp_path, capsys):
    rows = "review,label\n" + "".join(
        f"day {n} was {('good', 'bad')[n % 2]},{('a', 'b', '')[n % 3]}\n" for n in range(60)
    )
    file = write(tmp_path, "half.csv", rows)
    assert main(["data", file]) == 0
    assert "As the file is, that is refused: " in (out := capsys.readouterr().out)
    assert "line 4: the label in column 'label' is missing, as it is in 20 of 60 rows" in out
    assert main(["data", file, "--json"]) == 0
    assert "is missing" in json.loads(capsys.readouterr().out)["refused"]
    whole = write(tmp_path, "whole.csv", rows.replace(",\n", ",a\n"))
    assert main(["data", whole, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["refused"] is None
