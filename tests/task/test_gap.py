"""Passages with a marked pronoun, two names, and which of them it means."""

from types import SimpleNamespace

import pytest

from accel.task.gap import FILES, Gap, example_of, nearest_name

HEADER = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL"


def line(n, split):
    pronoun = ("she", "his", "Her", "him")[n % 4]
    text = f'Ann {n} "{split}" saw Bob there, and {pronoun} left with Ann.'
    begin = text.index(pronoun, 10)
    means = ("TRUE\t{}\tFALSE", "FALSE\t{}\tTRUE", "FALSE\t{}\tFALSE")[n % 3].format(f"Bob\t{text.index('Bob')}")
    return f"{split}-{n}\t{text}\t{pronoun}\t{begin}\tAnn\t0\t{means}\thttp://x"


@pytest.fixture
def files(tmp_path, monkeypatch):
    for split, packaged in FILES.items():
        rows = [HEADER, *(line(n, split) for n in range(24))]
        (tmp_path / packaged.path.rsplit("/", 1)[1]).write_text("\n".join(rows))
    monkeypatch.setattr(
        "accel.weights.packaged.Packaged.find", lambda self, key: tmp_path / self.path.rsplit("/", 1)[1]
    )


def test_the_splits_are_the_data_sets_own_and_half_are_women(files):
    data = Gap().load(0)
    for name, split in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        assert len(split) == 24
        assert all(f'"{name}"' in passage for _, passage in split.texts)
        said = [
            [passage[b:e] for b, e in places] for (_, passage), places in zip(split.texts, split.labels, strict=True)
        ]
        assert said == [[["Ann"], ["Bob"], []][n % 3] for n in range(24)]
        assert split.strata["gender"] == ["feminine", "masculine"] * 12
    assert data.test.texts[0][0] == "Who is *she*: Ann or Bob?"
    assert "*she*" in data.test.texts[0][1]
    assert not Gap(group=None).load(0).test.strata
    assert len(list(Gap().rows())) == 72


def test_a_name_behind_the_pronoun_moves_with_the_marks():
    row = dict(
        zip(
            HEADER.split("\t"), ["x", "He met Bob", "He", "0", "Bob", "7", "TRUE", "Al", "0", "FALSE", "u"], strict=True
        )
    )
    found = example_of(row)
    assert found.texts[1] == "*He* met Bob"
    assert found.label == "[[9, 12]]"
    assert found.strata == (("gender", "masculine"),)


def test_the_nearest_mention_of_either_name():
    passage = "Ann saw Bob there, and *she* left. Then came Ann."
    assert passage[slice(*nearest_name("Who is *she*: Ann or Bob?", passage))] == "Bob"
    assert passage[slice(*nearest_name("Who is *she*: Ann or there, and?", passage))] == "there, and"
    assert nearest_name("Who is *she*: Then came or Bob?", "Bob or *she* Then came") == (13, 22)


def test_another_group_is_refused():
    plan = SimpleNamespace(privacy=None, model=SimpleNamespace(family=lambda: "bert"))
    assert not list(Gap().objections(plan))
    assert "gender or null" in next(iter(Gap(group="age").objections(plan))).because
