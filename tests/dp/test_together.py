import dataclasses

import pytest

from accel.dp.ledger import LEDGER, Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.together import spent_in_sweep, spent_together
from accel.privacy.dpsgd import Dpsgd
from accel.sweep.record import Job, Sweep

MECHANISM = Mechanism(1.0, 0.5, "flat", 0.1, 25.6, 256, 20, 1e-5, "prv", None, False)


def spend(folder, steps, mechanism=MECHANISM):
    ledger = Ledger.open(folder, mechanism, resumed=False)
    for _ in range(steps):
        ledger.charge()
    return folder / LEDGER


def test_two_runs_spend_more_than_one_and_what_one_long_run_spends(tmp_path):
    one = spent_together([spend(tmp_path / "a", 10)])
    both = spent_together([tmp_path / "a" / LEDGER, spend(tmp_path / "b", 10)])
    long = spent_together([spend(tmp_path / "c", 20)])
    assert one["epsilon"] < both["epsilon"]
    assert both["epsilon"] == pytest.approx(long["epsilon"], rel=1e-3)
    assert (both["runs"], both["steps"]) == (2, 20)


def test_nothing_private_nothing_said(tmp_path):
    assert spent_together([tmp_path / "missing"]) is None


def test_a_run_in_test_mode_leaves_no_claim(tmp_path):
    files = [spend(tmp_path / "a", 1), spend(tmp_path / "b", 1, dataclasses.replace(MECHANISM, test_mode=True))]
    assert spent_together(files)["epsilon"] is None


def test_records_and_clients_do_not_add_up(tmp_path):
    files = [spend(tmp_path / "a", 1), spend(tmp_path / "b", 1, dataclasses.replace(MECHANISM, protects="client"))]
    assert spent_together(files)["epsilon"] is None
    assert spent_together(files[1:])["epsilon"] > 0


def test_an_attempt_that_is_repeated_stays_on_the_books(tmp_path):
    """A killed job spent something; starting it anew must not forget that."""
    import json

    job = Job(0, ["privacy=dpsgd"], tmp_path)
    spend(job.folder, 7)
    for _ in range(2):
        job.prepare_folder()
        assert not job.folder.exists()
        spend(job.folder, 7)
    Sweep(tmp_path, [job]).save()
    found = json.loads((tmp_path / "sweep.json").read_text())["privacy"]
    assert (found["runs"], found["steps"]) == (3, 21)


def test_a_job_knows_what_its_sweep_has_spent_so_far(tmp_path):
    """No figure of one job of a sweep is shown with that job's epsilon alone."""
    from accel.report.figures import headline
    from accel.report.summary import summary

    jobs = [Job(n, ["privacy=dpsgd"], tmp_path) for n in (0, 1)]
    for job in jobs:
        spend(job.folder, 10)
    assert spent_in_sweep(tmp_path) is None
    Sweep(tmp_path, jobs).save()
    stated = Dpsgd().statement(jobs[1].folder)
    assert stated["runs_of_sweep_so_far"] == 2
    assert stated["epsilon_of_sweep_so_far"] > stated["epsilon"]
    record = {"status": "finished", "steps": 1, "seconds": 1, "privacy": stated}
    assert "the 2 runs of this sweep so far" in headline(record)
    assert summary(record)["privacy/epsilon_of_sweep_so_far"] == stated["epsilon_of_sweep_so_far"]
    assert "runs_of_sweep_so_far" not in Dpsgd().statement(spend(tmp_path / "alone" / "run", 3).parent)


def test_together_is_told_at_the_weakest_of_their_deltas(tmp_path, monkeypatch):
    """And each with what it did, not with what it might have done."""
    weak = dataclasses.replace(MECHANISM, delta=1e-3, noise_multiplier=2.0, steps=500)
    asked = []
    monkeypatch.setattr("accel.dp.accountant.composed", lambda *told: asked.append(told) or 3.25)
    found = spent_together([spend(tmp_path / "a", 10), spend(tmp_path / "b", 5, weak)])
    assert asked == [("prv", [(1.0, 0.1, 10), (2.0, 0.1, 5)], 1e-3)]
    assert (found["epsilon"], found["delta"]) == (3.25, 1e-3)
