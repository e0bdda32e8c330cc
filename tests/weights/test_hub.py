"""Files of the hub: from its cache, and what is said where they cannot be fetched."""

import pytest

from accel.errors import DataError
from accel.weights.hub import DATASET, HubFiles

FILES = HubFiles("some/set", "main", ["a/*"], DATASET, "task.name=", "task.revision", "copy it")


def cache(top, *files):
    """The cache as the hub's client lays it out."""
    repository = top / "datasets--some--set"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c" * 40)
    snapshot = repository / "snapshots" / ("c" * 40)
    for name in files:
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_text("x")
    return snapshot


def test_what_is_in_the_cache_is_found_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert FILES.cached() is None
    snapshot = cache(tmp_path, "a/1")
    assert FILES.cached() == snapshot


def test_without_network_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"task.name=some/set is not in the hub cache and cannot be.*, or copy it\."):
        FILES.download()


def test_a_name_that_is_none_is_told():
    with pytest.raises(DataError, match="Write organisation/dataset"):
        HubFiles("a/b/c d", "main", [], DATASET).cached()
