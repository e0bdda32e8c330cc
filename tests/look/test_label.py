import csv

import pytest

from accel.cli import main

GOOD, BAD = ("good", "lovely", "clean"), ("awful", "dirty", "rude")


def sentences(words):
    return [f"the {place} was {word} and so it went" for place in ("room", "staff", "pool", "bar") for word in words]


def written(file, header, rows):
    with file.open("w", newline="") as target:
        csv.writer(target).writerows([header, *rows])
    return str(file)


def read(file):
    with file.open(newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture
def pool(tmp_path):
    """A pool where five texts say both, among many that are clear."""
    clear = [f"{text} again" for text in sentences(GOOD) + sentences(BAD)]
    mixed = [f"the room was {g} but {b} on day {i}" for i, (g, b) in enumerate(zip(GOOD * 2, BAD * 2, strict=True))][:5]
    return written(tmp_path / "pool.csv", ("id", "review"), [(i, text) for i, text in enumerate(clear + mixed)]), mixed


@pytest.fixture
def labelled(tmp_path):
    rows = [(t, "good") for t in sentences(GOOD)] + [(t, "bad") for t in sentences(BAD)]
    return written(tmp_path / "labelled.csv", ("review", "stars"), rows)


def test_texts_that_say_both_are_asked_first_and_once(pool, labelled, tmp_path, capsys):
    file, mixed = pool
    assert main(["label", file, "--budget", "5", "--train", labelled, "task.label=stars"]) == 0
    found = read(tmp_path / "pool.label.csv")
    assert list(found[0]) == ["review", "stars", "line"]
    assert {row["stars"] for row in found} == {""}
    assert len(found) == 5
    assert {row["review"] for row in found} & set(mixed)
    lines = (tmp_path / "pool.csv").read_text().splitlines()
    assert all(lines[int(row["line"]) - 1].endswith(row["review"]) for row in found)
    said = capsys.readouterr().out
    assert "5 of 29 texts, chosen after 24 labels" in said
    assert f"--train {labelled} --train {tmp_path / 'pool.label.csv'}" in said
    assert (
        f"put {labelled}, {tmp_path / 'pool.label.csv'} into one file" in said
    )  # a run of the last one forgets the first


def test_what_is_labelled_is_not_asked_again(pool, labelled, tmp_path):
    file, mixed = pool
    more = written(tmp_path / "more.csv", ("review", "stars"), [(text, "bad") for text in mixed])
    rows = read(tmp_path / "labelled.csv")
    both = written(tmp_path / "both.csv", ("review", "stars"), [*[(r["review"], r["stars"]) for r in rows],
                                                               *[(t, "bad") for t in mixed]])  # fmt: skip
    del more
    assert main(["label", file, "--budget", "3", "--train", both, "task.label=stars"]) == 0
    assert not {row["review"] for row in read(tmp_path / "pool.label.csv")} & set(mixed)


def test_without_labels_the_kinds_of_texts_are_shown(tmp_path, capsys):
    texts = [
        f"the {word} was {n} days late and {n} euros dear" for n in range(10) for word in ("train", "hotel", "soup")
    ]
    file = written(tmp_path / "pool.csv", ("review",), [(text,) for text in texts])
    assert main(["label", file, "--budget", "3"]) == 0
    found = [row["review"].split()[1] for row in read(tmp_path / "pool.label.csv")]
    assert len(found) == 3
    assert "without any label" in capsys.readouterr().out


def test_mistakes_are_refused_and_nothing_is_overwritten(pool, labelled, tmp_path, capsys):
    file, _ = pool
    (tmp_path / "there.csv").write_text("mine")
    for words, said in (
        (["--out", str(tmp_path / "there.csv")], "there already"),
        (["--budget", "0"], "from 1"),
        (["--out", str(tmp_path / "next.xlsx")], "Give a name that ends so: next.csv"),
        (["--budget", "x"], "invalid int"),
        (["--train", "nowhere.csv"], "no such file"),
        (["model=minilm"], "is no flag"),
        (["--train", labelled, "task.text=stars", "task.label=review"], ""),
    ):
        assert main(["label", file, *words]) == 2, words
        assert said in capsys.readouterr().err
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert not (tmp_path / "pool.label.csv").exists()
    everything = written(tmp_path / "all.csv", ("review",), [(r["review"],) for r in read(tmp_path / "labelled.csv")])
    assert main(["label", everything, "--train", labelled, "task.label=stars"]) == 2
    assert "not labelled yet" in capsys.readouterr().err
