import pytest

from accel.errors import DataError
from accel.model.roberta_base import RobertaBase


def test_its_family_is_known_without_a_download():
    assert RobertaBase().family() == "roberta"


def test_without_network_and_cache_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="model=local model.path=FOLDER"):
        RobertaBase(revision="a-revision-nobody-has").check()
