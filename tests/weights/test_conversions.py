import pytest

from accel.weights.conversions import converted


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCEL_CACHE", str(tmp_path))
    return tmp_path


def test_made_once(cache):
    made = []

    def convert(folder):
        made.append(folder)
        (folder / "model.safetensors").write_text("weights")

    assert converted("m-1", convert) == converted("m-1", convert) == cache / "models" / "m-1"
    assert len(made) == 1
    assert (cache / "models" / "m-1" / "model.safetensors").read_text() == "weights"


def test_what_ended_half_way_is_made_again(cache):
    def fails(folder):
        (folder / "half").write_text("")
        raise RuntimeError("out of disk")

    with pytest.raises(RuntimeError):
        converted("m-1", fails)
    assert not (cache / "models" / "m-1").exists()
    folder = converted("m-1", lambda folder: (folder / "whole").write_text(""))
    assert [file.name for file in folder.iterdir()] == ["whole"]
