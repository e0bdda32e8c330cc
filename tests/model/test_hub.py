import pytest

from accel.config.compose import compose, options_of
from accel.errors import DataError
from accel.model.hub import Hub
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.plan.decide import assemble
from accel.weights import artifact

PLANS = [assemble(compose([f"model={name}"])) for name in options_of("model") if name not in ("hub", "local")]
PRESETS = [plan.model for plan in PLANS if isinstance(plan.model, Hub)]


def test_there_are_presets_and_each_is_called_as_its_file():
    assert {"bert_base", "bert_base_chinese", "distilbert", "qwen2_7b", "roberta_base"} <= {
        preset.option_name() for preset in PRESETS
    }


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.option_name())
def test_of_a_preset_the_architecture_is_known_without_a_download(preset, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert preset.family() in ("bert", "distilbert", "mt5", "qwen2", "roberta", "t5")
    with pytest.raises(DataError, match="model=local model.path=FOLDER"):
        preset.check()


def test_of_a_large_one_the_sizes_are_known_too():
    (preset,) = [preset for preset in PRESETS if preset.option_name() == "qwen2_7b"]
    shape = preset.shape()
    assert shape is not None
    with_output_table = shape.num_parameters + shape.vocabulary * shape.width
    assert abs(with_output_table / 7.62e9 - 1) < 0.005  # as its model card says


def test_without_network_it_says_what_to_do():
    with pytest.raises(DataError, match="cannot be downloaded.*model=local"):
        Hub(name="nobody/has-this-model").check()


def test_a_name_that_is_none_is_told():
    with pytest.raises(DataError, match="organisation/model"):
        Hub(name="a/b/c d").check()


def test_what_is_in_the_cache_loads_without_network(monkeypatch, tmp_path):
    artifact.save_model(
        TinyBert().network(Classification(["a", "b"])),
        TinyBert().tokenizer(),
        tmp_path,
        label_names=["a", "b"],
        max_length=16,
    )
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: str(tmp_path))
    hub = Hub(name="some/model")
    hub.check()
    assert hub.network(Classification(["x", "y", "z"])).config.num_labels == 3
    assert hub.tokenizer()("ab")["input_ids"]
    assert hub.fingerprint().startswith("some/model@")
