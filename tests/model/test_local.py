import json
from types import SimpleNamespace

import pytest
import torch

from accel.errors import DataError
from accel.model.local import Local
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.weights import artifact


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "my-model"
    artifact.save_model(
        TinyBert().network(Classification(["a", "b"])),
        TinyBert().tokenizer(),
        target,
        label_names=["a", "b"],
        max_length=16,
    )
    return target


def test_loads_the_body_and_makes_a_new_head(folder):
    model = Local(path=str(folder)).network(Classification(["x", "y", "z"]))
    original = TinyBert().network(Classification(["a", "b"]))
    assert torch.equal(model.bert.pooler.dense.weight, original.bert.pooler.dense.weight)
    assert model.classifier.out_features == 3
    assert model.training


def test_the_fingerprint_follows_the_weights(folder):
    before = Local(path=str(folder)).fingerprint()
    assert before == Local(path=str(folder)).fingerprint()
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert before != Local(path=str(folder)).fingerprint()


def broken(folder, name):
    if name == "no config":
        (folder / "config.json").unlink()
    elif name == "config is not JSON":
        (folder / "config.json").write_text("{")
    elif name == "no model_type":
        (folder / "config.json").write_text("{}")
    elif name == "only a pickle":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif name == "no weights":
        (folder / "model.safetensors").unlink()
    elif name == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()


@pytest.mark.fault("X3")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no config", "no config.json"),
        ("config is not JSON", "cannot be read"),
        ("no model_type", "names no model_type"),
        ("only a pickle", "a pickle can run code"),
        ("no weights", r"no \*.safetensors"),
        ("no tokenizer", "copy tokenizer.json"),
    ],
)
def test_says_what_is_missing(folder, name, text):
    Local(path=str(folder)).check()
    broken(folder, name)
    with pytest.raises(DataError, match=text):
        Local(path=str(folder)).check()


def test_a_folder_that_is_not_there_gets_a_suggestion(folder):
    with pytest.raises(DataError, match=r"Did you mean .*my-model"):
        Local(path=str(folder.with_name("my-modle"))).check()


def test_cut_weights_are_told(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DataError, match="Copy the folder again"):
        Local(path=str(folder)).network(Classification(["a", "b"]))


@pytest.mark.fault("X3")
def test_keys_that_choose_code_are_dropped(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoConfig": "evil.Evil"}, "_attn_implementation_internal": "evil/kernel"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    model = Local(path=str(folder)).network(Classification(["a", "b"]))
    assert "auto_map" not in model.config.to_dict()
    assert "evil" not in str(model.config.to_dict())


def test_a_body_that_does_not_fit_is_told(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 32}))
    with pytest.raises(DataError, match=r"do not fit config\.json"):
        Local(path=str(folder)).network(Classification(["a", "b"]))


def test_fewer_positions_than_the_texts_need_are_an_objection(folder):
    def objections(max_tokens):
        task, tuning = SimpleNamespace(max_tokens=lambda: max_tokens), SimpleNamespace(extra_tokens=0)
        plan = SimpleNamespace(task=task, tuning=tuning)
        return list(Local(path=str(folder)).objections(plan))

    assert objections(512) == []
    (found,) = objections(513)
    assert "positions for 512 tokens" in found.because
    (folder / "config.json").unlink()
    assert objections(513) == []
