"""The journal of a search, cut at every byte of its last record, loads and goes on."""

import json
import multiprocessing

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from accel.sweep.journal import JOURNAL, open_journal

TRIALS = 5


def study_in(storage):
    return optuna.create_study(study_name="accel", storage=storage, direction="maximize", load_if_exists=True)


def fill(file, storage=open_journal, trials=TRIALS):
    study = study_in(storage(file))
    for number in range(trials):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1) + number)
    return [t.value for t in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]


def go_on(file, storage):
    """Load, append, load again: what a resumed search does."""
    study = study_in(storage(file))
    study.tell(study.ask(), 0.5)
    again = study_in(storage(file))
    return [t.value for t in again.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]


@pytest.mark.fault("S5")
def test_cut_at_every_byte_of_its_last_record_nothing_finished_is_lost(tmp_path):
    whole = tmp_path / JOURNAL
    values = fill(whole)
    data = whole.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    assert json.loads(data[last:])["op_code"]  # the record that says the last trial is finished
    file = tmp_path / "cut" / JOURNAL
    file.parent.mkdir()
    for end in range(last, len(data)):
        file.write_bytes(data[:end])
        assert go_on(file, open_journal) == [*values[:-1], 0.5], f"cut at byte {end} of {len(data)}"


def stock(file):
    return JournalStorage(JournalFileBackend(str(file)))


def test_the_stock_backend_does_not_survive_that(tmp_path):
    """The control: without dropping what is torn, the journal cannot be read any more."""
    file = tmp_path / JOURNAL
    fill(file, stock)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError):
        go_on(file, stock)


def append_many(file, number):
    study = study_in(open_journal(file))
    for _ in range(20):
        study.tell(study.ask(), float(number))


def test_several_processes_append_at_once(tmp_path):
    file = tmp_path / JOURNAL
    study_in(open_journal(file))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(file, n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    values = [t.value for t in study_in(open_journal(file)).trials]
    assert sorted(values) == sorted([float(n) for n in range(4) for _ in range(20)])


def test_a_torn_record_longer_than_a_block(tmp_path):
    file = tmp_path / JOURNAL
    values = fill(file)
    with file.open("ab") as stream:
        stream.write(b'{"x": "' + b"y" * 200_000)
    assert go_on(file, open_journal) == [*values, 0.5]
