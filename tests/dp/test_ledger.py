import dataclasses
import json

import pytest

from accel.dp.ledger import LEDGER, Ledger
from accel.dp.mechanism import Mechanism
from accel.errors import DataError, RunError

MECHANISM = Mechanism(1.0, 0.5, "flat", 0.1, 25.6, 256, 5, 1e-5, "rdp", None, False)


def test_a_step_is_on_the_disk_before_it_begins(tmp_path):
    ledger = Ledger.open(tmp_path, MECHANISM, resumed=False)
    ledger.charge()
    assert Ledger.read(tmp_path / LEDGER).charged == 1
    assert Ledger.read(tmp_path / LEDGER).mechanism == MECHANISM


def test_a_resumed_run_keeps_what_was_spent(tmp_path):
    first = Ledger.open(tmp_path, MECHANISM, resumed=False)
    for _ in range(3):
        first.charge()
    second = Ledger.open(tmp_path, MECHANISM, resumed=True)
    assert second.charged == 3
    second.charge()
    second.charge()
    assert second.exhausted
    with pytest.raises(RunError, match="spent"):
        second.charge()


def test_a_line_cut_off_by_a_crash_still_counts(tmp_path):
    ledger = Ledger.open(tmp_path, MECHANISM, resumed=False)
    ledger.charge()
    file = tmp_path / LEDGER
    whole = file.read_bytes()
    head = whole.index(b"\n") + 1
    for cut in range(head + 1, len(whole) + 1):
        file.write_bytes(whole[:cut])
        assert Ledger.read(file).charged == 1
    file.write_bytes(whole[:head])
    assert Ledger.read(file).charged == 0


def test_without_its_ledger_nothing_resumes(tmp_path):
    with pytest.raises(DataError, match="nobody knows what it has spent"):
        Ledger.open(tmp_path, MECHANISM, resumed=True)


def test_a_damaged_ledger_is_not_guessed(tmp_path):
    (tmp_path / LEDGER).write_text("{broken\n")
    with pytest.raises(DataError, match="damaged"):
        Ledger.open(tmp_path, MECHANISM, resumed=True)


def test_another_mechanism_is_refused_and_named(tmp_path):
    Ledger.open(tmp_path, MECHANISM, resumed=False)
    less = dataclasses.replace(MECHANISM, noise_multiplier=0.5)
    with pytest.raises(DataError, match="noise_multiplier"):
        Ledger.open(tmp_path, less, resumed=True)


def test_only_one_process_writes(tmp_path):
    Ledger.open(tmp_path, MECHANISM, resumed=False)
    other = Ledger.open(tmp_path, MECHANISM, resumed=False, writes=False)
    other.charge()
    assert other.charged == 1
    assert Ledger.read(tmp_path / LEDGER).charged == 0


def test_the_statement_counts_what_was_charged_not_what_was_planned(tmp_path):
    ledger = Ledger.open(tmp_path, MECHANISM, resumed=False)
    ledger.charge()
    one = ledger.statement()
    ledger.charge()
    two = ledger.statement()
    assert 0 < one["epsilon"] < two["epsilon"]
    assert (one["steps"], one["steps_planned"]) == (1, 5)
    json.dumps(one, allow_nan=False)


def test_without_noise_or_in_test_mode_no_epsilon_is_claimed():
    for change in ({"noise_multiplier": 0.0}, {"test_mode": True}):
        ledger = Ledger(None, dataclasses.replace(MECHANISM, **change))
        ledger.charge()
        found = ledger.statement()
        assert found["private"] is False
        assert found["epsilon"] is None
