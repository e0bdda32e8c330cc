"""What tasks with entities refuse, and how their tags are numbered."""

import json

import pytest

from accel.errors import DataError
from accel.task.token_classification import TokenClassification


def test_a_type_that_training_never_saw_is_refused(tmp_path):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text("\n".join(json.dumps({"text": f"Ann {n}", "spans": [[0, 3, "PER"]]}) for n in range(40)))
    test.write_text(json.dumps({"text": "Acme grew", "spans": [[0, 4, "ORG"]]}))
    with pytest.raises(DataError, match="'ORG'"):
        TokenClassification(train=str(train), test=str(test)).load(0)


def test_a_file_without_any_entity_is_refused(tmp_path):
    file = tmp_path / "a.conll"
    file.write_text("\n\n".join(f"word{n} O" for n in range(40)))
    with pytest.raises(DataError, match="nothing to find"):
        TokenClassification(train=str(file)).load(0)


def test_data_is_known_by_its_texts_its_tags_and_its_types(tmp_path):
    """What is trained once per content is trained again where any of them differs."""

    def fingerprint(name="Ann", end=3, kind="PER"):
        file = tmp_path / "train.jsonl"
        rows = ({"text": f"{name} Lee {n}", "spans": [[0, end, kind]]} for n in range(40))
        file.write_text("\n".join(map(json.dumps, rows)))
        return TokenClassification(train=str(file)).load(0).fingerprint

    found = [fingerprint(), fingerprint(name="Eva"), fingerprint(end=7), fingerprint(kind="ORG")]
    assert len(set(found)) == 4
    assert fingerprint() == found[0]
