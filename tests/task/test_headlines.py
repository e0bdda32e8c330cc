"""A file of questions and answers in which headlines repeat."""

import json

import pytest

from accel.task.headlines import Headlines


@pytest.fixture
def file(tmp_path, monkeypatch):
    file = tmp_path / "samples.jsonl"
    rows = [(f"{'area man' if n % 2 else 'senate'} {n}", str(n % 2)) for n in range(60)]
    lines = [{"input": [{"content": "Is it?"}, {"content": text}], "ideal": label} for text, label in [*rows, rows[0]]]
    file.write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setattr("accel.weights.packaged.Packaged.find", lambda self, key: file)


def test_the_answer_is_the_label(file):
    data = Headlines().load(0)
    assert data.label_names == ["plain", "sarcastic"]
    assert (len(data.train) + len(data.validation) + len(data.test), data.duplicates) == (60, 1)
    for (text,), label in zip(data.train.texts, data.train.labels, strict=True):
        assert text.startswith("area man") == bool(label)
