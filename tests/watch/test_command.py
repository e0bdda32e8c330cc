"""``accel watch`` from a file to the alarm; what a model would say is decided by a word, so that none is run."""

import json
import math
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from accel.cli import main
from accel.core.meta import META as META_FILE
from accel.core.meta import Meta
from accel.inference.texts import Prediction
from accel.watch import command

META = Meta(label_names=["negative", "positive"], max_length=32)


class ByWord:
    """Says what the text says."""

    meta = META

    def stream(self, texts):
        for text in texts:
            yield Prediction(text, {"label": "negative" if "late" in text else "positive", "score": 0.9})


@pytest.fixture
def run(tmp_path, monkeypatch):
    folder = tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / META_FILE).write_text(json.dumps(asdict(META)))
    monkeypatch.setattr(command, "predictor_of", lambda _: ByWord())
    return str(tmp_path / "run")


def table(path, late_in_ten, texts_a_day=40):
    """A file with one number of bad texts in ten for each day, the newest day first."""
    rows = [
        f"2026-11-{day:02},{'late' if n % 10 < late else 'fine'} {day}/{n}"
        for day, late in enumerate(late_in_ten, 1)
        for n in range(texts_a_day)
    ]
    file = path / "texts.csv"
    file.write_text("\n".join(["at,text", *reversed(rows)]))
    return str(file)


def told(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_rise_is_an_alarm_with_its_beginning_and_its_texts(run, tmp_path, capsys):
    file = table(tmp_path, [2, 2, 2, 2, 2, 9, 9])
    assert main(["watch", run, "--in", file, "--date", "at", "--label", "negative", "--json"]) == 5
    (found,) = told(capsys)
    assert found["usual"]["share"] == pytest.approx(0.2, abs=0.01)
    assert found["usual"]["texts"] == 70
    first = found["alarms"][0]
    assert (first["period"], first["since"]) == ("2026-11-06", "2026-11-05")  # its last text happened to have the label
    assert first["hits"] / first["texts"] > 0.8
    assert all(text.startswith("late 6/") for text in first["examples"])
    assert [p["hits"] for p in found["periods"]] == [8, 8, 8, 8, 8, 36, 36]
    assert [p["name"] for p in found["periods"]] == [f"2026-11-{day:02}" for day in range(1, 8)]


def test_what_stays_as_it_was_is_none(run, tmp_path, capsys):
    assert main(["watch", run, "--in", table(tmp_path, [2] * 7), "--date", "at", "--json"]) == 0
    assert [one["alarms"] for one in told(capsys)] == [[], []]


def test_a_fall_is_a_rise_of_the_other_label(run, tmp_path, capsys):
    assert main(["watch", run, "--in", table(tmp_path, [8, 8, 8, 8, 2, 2, 2]), "--date", "at", "--json"]) == 5
    assert {one["label"]: bool(one["alarms"]) for one in told(capsys)} == {"negative": False, "positive": True}


def test_several_labels_share_the_false_alarms(run, tmp_path, capsys):
    words = ["watch", run, "--in", table(tmp_path, [2] * 7), "--date", "at", "--json"]
    limits = []
    for label in ([], ["--label", "negative"]):
        assert main([*words, *label]) == 0
        limits.append(told(capsys)[0]["limit"])
    assert limits[0] == pytest.approx(limits[1] + math.log(2))


def test_people_see_bars_a_sentence_and_the_alarm(run, tmp_path, capsys):
    page = tmp_path / "page.html"
    file = table(tmp_path, [2, 2, 2, 2, 2, 9, 9])
    words = ["watch", run, "--in", file, "--date", "at", "--label", "negative", "--html", str(page)]
    assert main(words) == 5
    out = capsys.readouterr().out
    assert "90% █████" in out
    assert "negative: usually 20.0% of 70 texts, at most 2" in out
    assert "ALARM 2026-11-06: negative has risen since 2026-11-05" in out
    assert "late 6/" in page.read_text("utf8")


WRONG = {
    "a label that is never said": (["--label", "negativ"], "never says that. Did you mean 'negative'?"),
    "no such column": (["--date", "when"], "--date=when: "),
    "a column that is no date": (["--date", "text"], "row 1: 'fine 7/39' in column 'text' of --date is no time"),
    "an odds ratio of a fall": (["--odds-ratio", "0.5"], "a rise has odds above 1 times the usual ones"),
    "no texts between false alarms": (["--texts-between-false-alarms", "1"], "give a number of texts above 1"),
    "a day that is none": (["--usual-until", "soon"], "--usual-until soon is no date"),
    "too little that is usual": (["--usual-until", "2026-11-02"], "before 2026-11-02 there are 40 texts, and 50"),
    "nothing to watch": (["--usual-until", "2027-01-01"], "all 280 texts are before 2027-01-01"),
    "a page nowhere": (["--html", "/nowhere/page.html"], "cannot be written: No such file or directory"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told(name, run, tmp_path, capsys):
    words, message = WRONG[name]
    file = table(tmp_path, [2] * 7)
    assert main(["watch", run, "--in", file, "--date", "at", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_label_that_all_have_cannot_rise():
    watched = SimpleNamespace(label="negative", usual_hits=40, usual_texts=40)
    assert "no rise can be seen" in command.sentence(watched)
