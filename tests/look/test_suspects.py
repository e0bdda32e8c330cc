import csv
import json

import numpy as np
import pytest

from accel.cli import main
from accel.look.look import look
from accel.look.suspects import FOLDS, folds, suspects_of
from tests.look.files import write

PLACES = ("room", "staff", "pool", "food", "view", "bar", "lift", "bed")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """240 reviews in a file, 12 of them with the other label."""
    words = {"good": ("good", "lovely", "clean"), "bad": ("awful", "dirty", "rude")}
    rows = [
        (f"the {place} was {word} on day {day}", label)
        for day in range(5)
        for label, some in words.items()
        for place in PLACES
        for word in some
    ]
    wrong = {7 + 20 * i for i in range(12)}
    file = tmp_path_factory.mktemp("data") / "reviews.csv"
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("review", "label"))
        for number, (text, label) in enumerate(rows):
            writer.writerow((text, {"good": "bad", "bad": "good"}[label] if number in wrong else label))
    return file, {number + 2 for number in wrong}


def test_wrong_labels_are_found_by_line_with_what_they_should_be(reviews):
    file, wrong = reviews
    found = suspects_of(look(str(file)))
    assert {s.line for s in found.suspects} == wrong
    assert found.agreement == pytest.approx(228 / 240)
    first = found.suspects[0]
    assert (first.given, first.suggested) in {("good", "bad"), ("bad", "good")}
    assert first.given_probability == min(s.given_probability for s in found.suspects)


def test_they_are_printed_and_in_json(reviews, capsys):
    file, wrong = reviews
    assert main(["data", str(file), "--suspects", "2"]) == 0
    said = capsys.readouterr().out
    assert "Suspects: 12 of 240 labels (5.0%) are likely wrong" in said
    assert said.count("  line ") == 2
    assert "and 10 more" in said
    assert main(["data", str(file), "--suspects", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert {s["line"] for s in plain["suspects"]} == wrong
    assert main(["data", str(file)]) == 0
    assert "Suspects" not in capsys.readouterr().out


def test_equal_texts_are_judged_together_and_labels_are_dealt_out_evenly():
    texts = [f"text {i // 2}" for i in range(100)]
    labels = np.array([i // 2 % 2 for i in range(100)])
    found = folds(texts, labels, 0)
    assert found[::2] == found[1::2]
    for number in range(FOLDS):
        assert [sum(labels[i] for i in range(100) if found[i] == number)] == [10]
    assert folds(texts, labels, 1) != found


def test_what_has_no_classes_or_few_rows_is_refused(tmp_path, capsys):
    few = tmp_path / "few.csv"
    few.write_text("text,label\n" + "".join(f"a text number {i} of it,{'ab'[i % 2]}\n" for i in range(20)))
    assert main(["data", str(few), "--suspects"]) == 2
    assert "20 rows of 2 classes are too few" in capsys.readouterr().err
    assert main(["data", write(tmp_path, "similar.tsv"), "--suspects"]) == 2
    assert "each text has one of several classes" in capsys.readouterr().err
