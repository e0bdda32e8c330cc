from types import SimpleNamespace

import pytest

from accel.process.serve_owners import ServeOwners


def module(*, exhausted=None):
    told = []
    ledger = None if exhausted is None else SimpleNamespace(exhausted=exhausted)
    return SimpleNamespace(step=SimpleNamespace(close=told.append, release=SimpleNamespace(ledger=ledger))), told


@pytest.mark.parametrize(
    ("step", "stopped", "exhausted", "word"),
    [(5, False, None, "done"), (3, True, None, "later"), (3, True, True, "done"), (3, True, False, "later")],
)
def test_owners_hear_whether_it_is_over_or_goes_on_later(step, stopped, exhausted, word):
    found, told = module(exhausted=exhausted)
    trainer = SimpleNamespace(global_step=step, max_steps=5, should_stop=stopped)
    ServeOwners().on_train_end(trainer, found)
    assert told == [{word: True}]


def test_owners_wait_for_a_run_that_failed():
    found, told = module()
    ServeOwners().on_exception(None, found, RuntimeError())
    assert told == [{"later": True}]
