import pytest

from accel import artifact
from accel.errors import DataError
from accel.model.hub import Hub
from accel.model.tiny_bert import TinyBert
from accel.objective import Classification


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
