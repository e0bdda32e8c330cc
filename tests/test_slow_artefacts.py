from types import SimpleNamespace

import pytest

from tests.slow_artefacts import made_once


def factory(path):
    path.mkdir(exist_ok=True)
    return SimpleNamespace(getbasetemp=lambda: path)


def test_workers_share_what_one_of_them_made(tmp_path):
    made = []
    folders = {made_once(factory(tmp_path / f"popen-gw{n}"), "model", made.append) for n in (0, 1)}
    assert folders == {tmp_path / "model"} == set(made)
    assert len(made) == 1
    made_once(factory(tmp_path / "alone"), "model", made.append)  # negative control: another session makes its own
    assert made[1:] == [tmp_path / "alone" / "model"]


def test_what_failed_is_made_by_the_next_one(tmp_path):
    with pytest.raises(ZeroDivisionError):
        made_once(factory(tmp_path), "model", lambda folder: 1 / 0)
    made = []
    made_once(factory(tmp_path), "model", made.append)
    assert made
