import pytest

from accel.errors import DataError
from accel.model.bert_base_chinese import BertBaseChinese


def test_its_family_is_known_without_a_download():
    assert BertBaseChinese().family() == "bert"


def test_without_network_and_cache_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="model=local model.path=FOLDER"):
        BertBaseChinese(revision="a-revision-nobody-has").check()
