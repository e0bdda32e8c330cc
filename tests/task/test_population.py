"""Abstracts with the parts that say whom a trial studied."""

import json

import pytest

from accel.errors import DataError
from accel.task.population import RULE, Population, first_people


@pytest.fixture
def abstracts(tmp_path, monkeypatch):
    """A file like the package's; every third abstract has two parts, one of which holds a quote."""
    lines = []
    for n in range(40):
        text = f"A trial.\n\nWe gave it to patients with asthma {n}, aged 18. Women's clinics took part."
        parts = [f"'patients with asthma {n}'", *(["'Women's clinics'"] if n % 3 == 0 else [])]
        ideal = f"In the abstract, population demographics are defined by the following spans: {', '.join(parts)}"
        lines.append(json.dumps({"input": [{"content": "Extract"}, {"content": text}], "ideal": ideal}))
    file = tmp_path / "samples.jsonl"
    file.write_text("\n".join(lines))
    monkeypatch.setattr("accel.weights.packaged.Packaged.find", lambda self, key: file)


def test_every_part_is_right(abstracts):
    data = Population().load(0)
    splits = (data.train, data.validation, data.test)
    assert sum(map(len, splits)) == 40
    said = [[text[1][b:e] for b, e in places] for s in splits for text, places in zip(s.texts, s.labels, strict=True)]
    assert sorted(map(len, said)).count(2) == 14
    assert all(parts[0].startswith("patients with asthma") for parts in said)
    assert {part for parts in said for part in parts[1:]} == {"Women's clinics"}
    assert len(list(Population().rows())) == 40


def test_the_rule_begins_at_the_first_word_for_people(abstracts):
    text = "A trial.\n\nThe patients with asthma, all men; women did not."
    assert text[slice(*first_people(text))] == "patients with asthma, all men"
    assert first_people("no one") == (0, 6)
    data = Population().load(0)
    (entry,) = Population().objective(data).baselines(data)
    assert entry["name"] == RULE
    assert entry["metrics"]["f1"] == pytest.approx(2 * 4 / (4 + 6))


def test_without_its_package_it_says_what_to_type(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("accel.weights.packaged.distribution", missing)
    with pytest.raises(DataError, match="pip install --no-deps evals==3.0.1.post1"):
        Population().load(0)
