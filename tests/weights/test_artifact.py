import json
import shutil

import pytest
import torch

from accel.core.checksums import SUMS
from accel.errors import DataError, NonFiniteLossError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.inserts import InsertBottlenecks
from accel.weights import artifact
from accel.weights.meta import is_quantized

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3


def save(option, folder):
    model = option.network(Classification(["a", "b"])).eval()
    artifact.save_model(model, option.tokenizer(), folder, label_names=["a", "b"], max_length=16)
    return model


@pytest.mark.fault("N9")
@pytest.mark.parametrize("option", [TinyBert(), TinyGpt2(), TinyT5(), TinyLlama()], ids=lambda o: o.option_name())
def test_reloads_bit_for_bit_and_keeps_shared_weights(tmp_path, option):
    model = save(option, tmp_path)
    with torch.inference_mode():
        assert torch.equal(model(input_ids=IDS).logits, artifact.load_model(tmp_path)(input_ids=IDS).logits)
    assert not is_quantized(tmp_path)
    assert len({file.stat().st_mode for file in tmp_path.glob("*.*")}) == 1  # whoever may read one may read all


@pytest.mark.fault("N1")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_leave_no_folder(tmp_path, value):
    model = TinyBert().network(Classification(["a", "b"]))
    torch.nn.init.constant_(model.classifier.bias, value)
    with pytest.raises(NonFiniteLossError, match="1 of the trained weights are NaN or infinite, classifier.bias"):
        artifact.save_model(model, TinyBert().tokenizer(), tmp_path / "model", label_names=["a", "b"], max_length=16)
    assert not (tmp_path / "model").exists()


def test_a_dense_model_is_a_plain_transformers_folder(tmp_path):
    from transformers import AutoModelForSequenceClassification

    model = save(TinyBert(), tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        assert torch.equal(model(input_ids=IDS).logits, plain(input_ids=IDS).logits)


def test_weights_that_do_not_fit_are_told(tmp_path):
    save(TinyBert(), tmp_path)
    meta = json.loads((tmp_path / "accel.json").read_text())
    meta["num_units"] = dict.fromkeys(meta["num_units"], 1)
    (tmp_path / "accel.json").write_text(json.dumps(meta))
    with pytest.raises(DataError, match="accel.json is not what was written"):
        artifact.load_model(tmp_path)
    (tmp_path / SUMS).unlink()
    with pytest.raises(DataError, match="does not fit its configuration"):
        artifact.load_model(tmp_path)


def test_another_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no exported model"):
        artifact.load_model(tmp_path)


def test_shipped_bytes_are_those_of_the_weights_asked_for_and_of_what_small_files_they_need(tmp_path):
    sizes = {
        "accel.json": 1,
        "vocab.txt": 2,
        "spiece.model": 4,
        "model.safetensors": 8,
        "model.onnx": 16,
        "log.csv": 32,
    }
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    assert artifact.shipped_bytes(tmp_path) == 1 + 2 + 4 + 8
    assert artifact.shipped_bytes(tmp_path, ["model.onnx", "log.csv"]) == 1 + 2 + 4 + 16 + 32


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save(TinyBert(), folder)
    (folder / SUMS).unlink()  # else every damage would be told by its digest
    return folder


@pytest.mark.parametrize("left", ["", "[]", "{", None], ids=["empty", "list", "cut", "gone"])
@pytest.mark.parametrize("name", ["accel.json", "config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_folder_is_told_without_digests_too(whole_folder, tmp_path, name, left):
    folder = shutil.copytree(whole_folder, tmp_path / "model")
    artifact.load_model(folder), artifact.tokenizer_of(folder)  # control
    (folder / name).unlink() if left is None else (folder / name).write_text(left)
    with pytest.raises(DataError, match=r"again|missing|Add it|Give|has no config.json"):
        artifact.load_model(folder), artifact.tokenizer_of(folder)


def test_what_was_added_is_added_again_and_folders_from_before_still_load(tmp_path):
    model = InsertBottlenecks(reduction=4).apply(TinyBert().network(Classification(["a", "b"])).eval())
    for name, parameter in model.named_parameters():
        if ".up.weight" in name:
            torch.nn.init.normal_(parameter)
    options = {"label_names": ["a", "b"], "max_length": 16}
    artifact.save_model(model, TinyBert().tokenizer(), tmp_path, **options)
    meta = json.loads((tmp_path / "accel.json").read_text())
    assert meta["edits"] == [{"edit": "bottlenecks", "reduction": 4}]
    with torch.inference_mode():
        assert torch.equal(model(input_ids=IDS).logits, artifact.load_model(tmp_path)(input_ids=IDS).logits)
    save(TinyBert(), tmp_path)
    del meta["edits"]
    (tmp_path / SUMS).unlink()  # which folders from before have not either
    (tmp_path / "accel.json").write_text(json.dumps(meta))
    assert artifact.load_model(tmp_path)(input_ids=IDS).logits.isfinite().all()
