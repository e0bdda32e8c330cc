import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from tests import artefacts
from tests.artefacts import exported_once


class Program:
    def __init__(self, text):
        self.text = text

    def save(self, path, **options):
        Path(path).write_text(self.text)


@pytest.fixture
def export(monkeypatch):
    """What is exported is counted: the file says how often it was."""
    monkeypatch.setattr(artefacts, "FILES", {})
    calls = []
    return exported_once(lambda model, *args, **settings: calls.append(model) or Program(str(len(calls))))


def written(export, tmp_path, *words, **settings):
    export(*words, **settings).save(str(tmp_path / "m.onnx"))
    return (tmp_path / "m.onnx").read_text()


def test_an_equal_model_is_exported_once(export, tmp_path):
    model = nn.Linear(3, 2)
    assert written(export, tmp_path, model, opset=20) == "1"
    assert written(export, tmp_path, copy.deepcopy(model), opset=20) == "1"


@pytest.mark.parametrize("change", ["weight", "attribute", "buffer", "example", "setting"])
def test_whatever_differs_is_exported_anew(export, tmp_path, change):
    """Negative control: the file of another model would prove nothing."""
    model, example, opset = nn.Linear(3, 2), torch.ones(2), 20
    assert written(export, tmp_path, model, example, opset=opset) == "1"
    other = copy.deepcopy(model)
    if change == "weight":
        other.weight.data[0, 0] += 1e-6
    elif change == "attribute":
        other.in_features = 4
    elif change == "buffer":
        other.register_buffer("scale", torch.ones(1))
    elif change == "example":
        example = torch.ones(3)
    else:
        opset = 21
    assert written(export, tmp_path, other, example, opset=opset) == "2"


def test_what_cannot_be_compared_is_exported_each_time(export, tmp_path):
    model = nn.Linear(3, 2)
    model.hook = lambda: None
    assert [written(export, tmp_path, model) for _ in range(2)] == ["1", "2"]
