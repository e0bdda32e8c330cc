from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

from accel import behaviour
from accel.behaviour.decisions import hits_by_example
from accel.behaviour.kept import Kept
from accel.behaviour.numbers import Numbers
from accel.behaviour.stored import KIND, KINDS, Stored
from tests.behaviour.test_decisions import AFTER, BEFORE, decided


def stored(kept):
    return Stored(kept, hits_by_example(kept, 6))


@pytest.mark.parametrize("kept", [AFTER, Numbers(np.arange(6), np.zeros(6), np.arange(6.0))])
def test_what_is_saved_is_read_as_the_kind_that_it_was(tmp_path, kept):
    Stored(kept).save(tmp_path / "kept.npz")
    found = Stored.read(tmp_path / "kept.npz")
    assert found is not None
    assert type(found.kept) is type(kept)
    assert found.pairs_with(Stored(kept))
    assert found.parts is None


def test_the_change_is_that_of_the_record(tmp_path):
    for name, kept in (("was", BEFORE), ("now", AFTER)):
        stored(kept).save(tmp_path / f"{name}.npz")
    was, now = (Stored.read(tmp_path / f"{name}.npz") for name in ("was", "now"))
    found = now.change(was)
    low, high = found.pop("difference_interval")
    assert found == AFTER.change(BEFORE)
    assert low < -1 / 6 < high
    assert now.change(now)["difference_interval"] == [0, 0]
    assert "difference_interval" not in Stored(AFTER).change(was)


def test_other_predictions_and_other_kinds_do_not_pair():
    assert not stored(AFTER).pairs_with(Stored(decided([0] * 6, [1] * 6)))
    assert not stored(AFTER).pairs_with(Stored(Numbers(AFTER.examples, AFTER.truths, AFTER.choices)))


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {KIND: np.array("Decisions")},
        {KIND: np.array("Unheard"), "examples": np.arange(2), "truths": np.arange(2)},
        {KIND: np.array("Numbers"), "examples": np.arange(2), "truths": np.arange(2), "values": np.arange(3)},
        {KIND: np.array("Numbers"), "examples": np.array(2), "truths": np.arange(2), "values": np.arange(3)},
    ],
)
def test_what_holds_something_else_is_nothing(tmp_path, columns):
    np.savez(tmp_path / "odd.npz", **columns)
    assert Stored.read(tmp_path / "odd.npz") is None


def test_damaged_files_and_none_are_nothing(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK no archive")
    Stored(AFTER).save(tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:400])
    assert [Stored.read(tmp_path / name) for name in ("absent.npz", "broken.npz", "cut.npz")] == [None] * 3


def test_every_kind_can_be_read_again():
    for module in iter_modules(behaviour.__path__):
        import_module(f"accel.behaviour.{module.name}")
    assert set(KINDS.values()) == {kind for kind in Kept.__subclasses__() if kind.__module__.startswith("accel.")}
