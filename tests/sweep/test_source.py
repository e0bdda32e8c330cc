""""""

from __future__ import annotations

from accel.sweep.record import Sweep
from accel.sweep.source import Context, GridSource


def test_a_grid_hands_out_what_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("accel.plan.decide.check_overrides", lambda *a: None)
    sweep = Sweep(tmp_path)
    sweep.job(["seed=0"]).status = "finished"
    sweep.job(["seed=1"]).status = "failed"
    grid = GridSource([["seed=0"], ["seed=1"], ["seed=2"], ["seed=2"]])
    assert grid.begin(sweep, Context()) == 3
    assert [grid.next().overrides, grid.next().overrides, grid.next()] == [["seed=1"], ["seed=2"], None]
