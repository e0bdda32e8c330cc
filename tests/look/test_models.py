import pytest

from accel.look import models
from accel.look.models import model_for


@pytest.mark.parametrize(
    ("language", "here", "name"),
    [
        ("English", {"e5_small"}, ""),
        ("Chinese", {"e5_small", "bert_base_chinese"}, "e5_small"),
        ("Chinese", {"bert_base_chinese"}, "bert_base_chinese"),
        ("Latin script", {"e5_small"}, "e5_small"),
    ],
)
def test_the_first_model_that_is_here_reads_a_language(language, here, name, monkeypatch):
    monkeypatch.setattr(models, "_missing", lambda name: "" if name in here else f"install {name}")
    found = model_for(language)
    assert (found.name, found.lacks) == (name, "")


@pytest.mark.parametrize(
    ("language", "anyway"), [("Chinese", "bert_base_chinese"), ("Latin script", "minilm"), ("Korean", "hub")]
)
def test_without_one_it_is_said_what_to_type(language, anyway, monkeypatch):
    monkeypatch.setattr(models, "_missing", lambda name: f"install {name}")
    found = model_for(language)
    assert "install e5_small" in found.lacks
    assert f"model={anyway}" in found.lacks


def test_a_model_of_a_package_is_asked_whether_it_is_here():
    assert models._missing("tiny_bert") == ""
    assert "hub cache" in models._missing("bert_base_chinese")
