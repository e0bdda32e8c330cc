"""Client-level privacy from the command line's side: settings, refusals, a run, a resume, the record."""

import json
from types import SimpleNamespace

import pytest
import torch

from accel.checkpoint.atomic import LAST
from accel.cli import main
from accel.config.compose import compose
from accel.core.facts import Cohorts
from accel.data import Dataset, Split
from accel.dp.clients import Coins
from accel.dp.ledger import LEDGER, Ledger
from accel.errors import DataError, PlanError, RunError
from accel.federated.client_log import FILE
from accel.federated.round import FederatedRound
from accel.plan.decide import decide
from accel.privacy.dpfedavg import Dpfedavg
from accel.report.metrics_file import read_metrics
from tests.laws import Laws
from tests.strategy.parity import Trained, train_together
from tests.strategy.parity import train as trained_in

FEDERATED = ["strategy=federated", "strategy.clients=8", "strategy.cohort=4", "strategy.rounds=4",
             "strategy.local_steps=1", "strategy.validate_every=50", "trainer.max_steps=null"]  # fmt: skip
NOISY = ["privacy.epsilon=null", "privacy.noise_multiplier=1"]

LAWS = Laws(
    strong={"": [*FEDERATED, *NOISY, "privacy.max_update_norm=0.1"]},
    sabotage=("accel.dp.noise.GaussianNoise.add_", lambda self, tensors, std: None),
    resumes=False,  # a round is paid for when it is begun: what is done again is left out at the end
    quick=("trainer.max_steps=null",),
)

pytestmark = pytest.mark.usefixtures("noise_is_looked_for_once")


def plan_of(*words):
    return decide(compose(["strategy=federated", "privacy=dpfedavg", *words]))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["privacy.epsilon=0"], "positive and finite"),
        (["privacy.epsilon=null"], "exactly one"),
        (["privacy.epsilon=null", "privacy.noise_multiplier=0"], "without noise nothing is private"),
        (["privacy.delta=1"], "well below 1 / clients"),
        (["privacy.max_update_norm=0"], "positive and finite"),
        (["privacy.num_canaries=0"], "at least 1"),
        (["strategy.weigh_by_examples=true"], "strategy.weigh_by_examples=false"),
        (["strategy=ddp"], "privacy=dpsgd, which protects records"),
        (["compression=[prune]"], "private examples"),
        (["compression=[distill]"], "teacher"),
        (["compression=[layers]"], "dense baseline"),
        (["compression=[vocabulary]"], "reveals words"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        plan_of(*words)


def test_gradients_of_records_need_not_be_known():
    """Where dpsgd must refuse, whole updates are bounded."""
    assert plan_of("tuning=dora")
    assert plan_of("tuning=lora", "compression=[qat]")
    with pytest.raises(PlanError, match="per-example gradients"):
        decide(compose(["privacy=dpsgd", "tuning=lora", "compression=[qat]"]))


def dataset(owners=(), draws=1):
    split = Split([(str(n),) for n in range(9)], [0] * 9, list(owners))
    return Dataset(split, split, split, ["a"], "", draws=draws)


@pytest.mark.parametrize("delta", [0.1, 0.5])
def test_a_delta_of_one_client_is_refused(delta):
    plan = plan_of(f"privacy.delta={delta}")
    with pytest.raises(DataError, match=r"10 clients: whoever publishes one.*1 / clients = 1.0e-01.*delta=1e-2"):
        plan.privacy.check_records(dataset(), plan)


def test_owners_are_counted_in_the_data():
    plan = plan_of("strategy.partition=owner", "strategy.clients=5000", "privacy.delta=0.4")
    with pytest.raises(DataError, match="with 3 clients"):
        plan.privacy.check_records(dataset(["x", "y", "z"] * 3), plan)
    assert plan.strategy.cohorts(["x", "y", "x"]) == Cohorts(2, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strategy.clients=200", "strategy.cohort=20"], []),
        (["strategy.clients=199", "strategy.cohort=20"], ["199 clients are few for privacy of whole clients"]),
        (["strategy.clients=200", "strategy.cohort=20", "privacy.delta=1e-3"], ["1 / (10 clients)"]),
        (["strategy.clients=200"], ["takes part in every round"]),
    ],
)
def test_what_is_weak_for_so_many_clients_is_said(words, said):
    plan = plan_of(*words)
    notes = plan.privacy.check_records(dataset(), plan)
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))


def test_splits_that_depend_on_other_rows_are_refused():
    plan = plan_of()
    with pytest.raises(DataError, match="drawn 2 times"):
        plan.privacy.check_records(dataset(draws=2), plan)


def test_the_mechanism_is_that_of_clients_and_rounds():
    facts = SimpleNamespace(cohorts=Cohorts(940, 94.0), total_steps=30)
    found = Dpfedavg(epsilon=None, noise_multiplier=1.0).mechanism(facts)
    assert (found.sample_rate, found.expected_batch_size, found.num_records, found.steps) == (0.1, 94.0, 940, 30)
    assert (found.protects, found.delta) == ("client", 1 / 9400)


@pytest.fixture(scope="module")
def private_run(tmp_path_factory):
    """One run by the command, with canary clients."""
    from tests.conftest import tiny_words, write_tiny_csv

    folder = tmp_path_factory.mktemp("dpfedavg")
    words = [*tiny_words(write_tiny_csv(folder / "tiny.csv"), folder / "run"), *FEDERATED, "privacy=dpfedavg", *NOISY,
             "rounds=3"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accel.dp.audit.fdp_bound", lambda *args: 0.0)
        assert main([*words, "privacy.audit=true", "privacy.num_canaries=400"]) == 0
    return folder / "run"


@pytest.mark.slow
def test_the_record_states_what_holds_for_a_client(private_run):
    record = json.loads((private_run / "result.json").read_text())
    stated, found = record["privacy"], {t["name"]: t["evidence"] for t in record["techniques"]}
    assert stated["private"]
    assert stated["unit"].startswith("one client")
    assert (stated["num_records"], stated["steps"], stated["sample_rate"]) == (8, 4, 0.5)
    assert 0 < stated["epsilon_prv"] <= stated["epsilon_rdp"]
    assert stated["audit"]["passed"]
    assert found["dpfedavg"]["rounds_with_noise"] == 4
    assert found["federated"]["clients_per_round"] == 4


@pytest.mark.slow
def test_figures_of_clients_and_who_was_drawn_stay_inside(private_run):
    assert not (private_run / FILE).exists()
    told = {name.removeprefix("train/") for name in read_metrics(private_run / "metrics.csv")}
    assert told & {"loss", "worst_decile_loss", "clipped_share", "aggregation_error"} == set()
    assert {"noise_multiplier", "update_norm", "clients"} <= told
    assert {v for _, v in read_metrics(private_run / "metrics.csv")["train/clients"]} == {4.0}


def test_nobody_may_come_and_the_round_goes_on(train, monkeypatch):
    monkeypatch.setattr(Coins, "draw", lambda *args: torch.zeros(0, dtype=torch.long).numpy())
    fitted, _, folder = train(*FEDERATED, "privacy=dpfedavg", *NOISY)
    assert fitted.steps == 4
    assert Ledger.read(folder / LEDGER).charged == 4


def test_killed_in_a_round_it_is_never_counted_too_little(train, tmp_path, monkeypatch):
    """What is done again is paid again, and the run ends when the budget is spent."""
    words = [*FEDERATED, "privacy=dpfedavg", *NOISY, "trainer.checkpoint_every_steps=1"]
    begun, folder = [], tmp_path / "killed"
    honest = FederatedRound._train

    def count(self, round_, client, start):
        if round_.number == 2 and len(begun) < 3:
            begun.append(round_.number)
            raise RunError("killed")
        return honest(self, round_, client, start)

    monkeypatch.setattr(Coins, "draw", lambda *args: torch.arange(4).numpy())
    monkeypatch.setattr(FederatedRound, "_train", count)
    with pytest.raises(RunError, match="killed"):
        train(*words, folder=folder)
    last = folder / "checkpoints" / LAST
    with pytest.raises(RunError, match="killed"):
        train(*words, folder=folder, checkpoint=last)
    assert Ledger.read(folder / LEDGER).charged == 4  # two that were finished, and twice the third
    fitted, _, _ = train(*words, folder=folder, checkpoint=last)
    assert fitted.steps == 2
    assert Ledger.read(folder / LEDGER).charged == 4


@pytest.mark.slow
def test_any_number_of_processes_trains_the_same(tmp_path):
    from tests.conftest import tiny_words, write_tiny_csv

    words = [*tiny_words(write_tiny_csv(tmp_path / "tiny.csv")), *FEDERATED, "privacy=dpfedavg",
             "privacy.epsilon=null", "privacy.noise_multiplier=1", "privacy.test_seed=1", "privacy.log_figures=true",
             "trainer.precision=fp64", "trainer.checkpoint_every_steps=50"]  # fmt: skip
    alone = trained_in(words, tmp_path / "alone")
    train_together({"private": [*words, "strategy.processes=2"]}, 2, tmp_path / "two")
    assert alone.distance(Trained.of(tmp_path / "two" / "private")) <= 1e-12
    other = trained_in([*words, "privacy.test_seed=2"], tmp_path / "other")
    assert alone.distance(other) > 1e-4  # negative control
