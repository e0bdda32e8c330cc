"""Federated training in one process, and on two and three."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from accel.checkpoint.atomic import LAST
from accel.cli import main
from accel.config.compose import compose
from accel.errors import DataError, PlanError, RunError
from accel.federated.choices import Partition
from accel.federated.client_log import FILE
from accel.federated.round import FederatedRound
from accel.plan.decide import decide
from accel.report.metrics_file import read_metrics
from accel.strategy.federated import Federated
from accel.trainer.standard import Standard
from tests.conftest import write_tiny_csv
from tests.forked_ranks import run_ranks
from tests.laws import Laws
from tests.strategy.parity import Trained, train_together
from tests.strategy.parity import train as trained_in

LAWS = Laws(
    strong={"": ["trainer.max_steps=null", "strategy.clients=3", "strategy.rounds=4", "strategy.local_steps=1"]},
    sabotage=("accel.federated.round.received", lambda update, sent_as: torch.zeros_like(update)),
    resumes=False,  # in another folder: its proof is the log of all rounds, see test_goes_on_from_the_last_round
)

FLOAT64 = 1e-12
FEDERATED = ["strategy=federated", "strategy.clients=5", "strategy.validate_every=50", "trainer.max_steps=null"]
SKEWED = [*FEDERATED, "strategy.rounds=4", "strategy.cohort=3", "strategy.partition=dirichlet", "strategy.alpha=0.5",
          "strategy.local_steps=2", "strategy.server_optimizer=adam", "strategy.proximal=0.1", "strategy.drop=0.1",
          "strategy.compress=bf16", "tuning=lora"]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("processes=0", "at least 1"),
        ("clients=0", "at least 1"),
        ("rounds=0", "at least 1"),
        ("local_steps=0", "at least 1"),
        ("local_epochs=0", "at least 1"),
        ("validate_every=0", "at least 1"),
        ("cohort=11", "at most strategy.clients=10"),
        ("cohort=0", "positive"),
        ("alpha=0", "positive and finite"),
        ("server_learning_rate=-1", "positive and finite"),
        ("drop=1", "a share of clients"),
        ("proximal=-1", "not negative"),
    ],
)
def test_objects_to_settings_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["strategy=federated", f"strategy.{word}"]))


@pytest.mark.parametrize(
    ("word", "instead"), [("max_steps=9", "strategy.rounds=9"), ("accumulate=2", "trainer.accumulate=1")]
)
def test_objects_to_steps_that_are_no_rounds(word, instead):
    with pytest.raises(PlanError, match=instead):
        decide(compose(["strategy=federated", f"trainer.{word}"]))


BARS = ["strategy=federated", "strategy.bars=true"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compression=[qat]"], "differ in their examples alone"),
        (["strategy.listen=127.0.0.1:0"], "examples are not here"),
        (["privacy=dpfedavg", "privacy.epsilon=8", "tuning=bitfit", "strategy.cohort=2"], "would not be private"),
    ],
)
def test_bars_are_of_dense_models_whose_examples_may_be_seen(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([*BARS, *words]))
    assert decide(compose([*BARS[:1], *words]))


@pytest.mark.parametrize(
    ("words", "alone", "pooled"),
    [
        (["local_epochs=3"], (12, None), (12, None)),
        (["local_steps=5"], (4, 20), (4, 200)),
        (["local_steps=5", "cohort=5"], (2, 10), (2, 100)),
        (["rounds=1", "cohort=1"], (1, None), (1, None)),
    ],
)
def test_bars_train_for_as_many_passes_as_the_clients(words, alone, pooled):
    plan = decide(compose(["strategy=federated", "strategy.rounds=4", *(f"strategy.{word}" for word in words)]))
    for clients, expected in ((1, alone), (10, pooled)):
        plain = plan.strategy.plain(plan, [], clients)
        assert (plain.trainer.epochs, plain.trainer.max_steps) == expected
        assert decide_ok(plain)


def decide_ok(plan):
    return not [objection for technique in plan.techniques for objection in technique.objections(plan)]


@pytest.mark.slow
def test_the_record_says_how_good_the_model_is_at_each_client_and_what_each_reaches_alone(tiny_run):
    words = ["strategy.clients=2", "strategy.rounds=1", "strategy.local_steps=1", "trainer.max_steps=null"]
    assert main([*tiny_run, *BARS, *words]) == 0
    folder = next(word for word in tiny_run if word.startswith("hydra.run.dir=")).split("=")[1]
    record = json.loads((Path(folder) / "result.json").read_text())
    found = record["federation"]
    assert sum(c["examples"] for c in found["clients"].values()) == record["data"]["test"]
    assert set(found["bars"]) == {"pooled", "alone", "alone_on_all"}
    mean = sum(c["examples"] * c["quality"] for c in found["clients"].values()) / record["data"]["test"]
    assert mean == pytest.approx(record["after"]["metrics"]["accuracy"])
    own = sum(c["examples"] * c["alone"] for c in found["clients"].values()) / record["data"]["test"]
    assert own == pytest.approx(found["bars"]["alone"])


def test_owners_are_those_that_the_task_names():
    assert decide(compose(["strategy=federated", "strategy.partition=owner"]))  # of tweets to airlines
    with pytest.raises(PlanError, match="task.owner=COLUMN"):
        decide(compose(["strategy=federated", "strategy.partition=owner", "task=tweets"]))


def test_one_process_is_enough():
    assert decide(compose(["strategy=federated"])).strategy.num_processes() == 1


def test_refuses_more_clients_than_examples():
    facts = type("Facts", (), {"num_examples": 9})
    Federated(clients=9).check_budget(None, facts)
    with pytest.raises(DataError, match="more than the 9 training examples"):
        Federated(clients=10).check_budget(None, facts)


@pytest.mark.parametrize("task", ["chitchat", "finance_ner"])
@pytest.mark.parametrize("partition", ["dirichlet", "labels"])
def test_examples_without_one_label_are_not_dealt_out_by_labels(task, partition):
    words = ["strategy=federated", f"task={task}", "model=tiny_gpt2"]
    with pytest.raises(PlanError, match="quantity, or iid"):
        decide(compose([*words, f"strategy.partition={partition}"]))
    assert decide(compose([*words, "strategy.partition=quantity"]))


def test_numbers_are_not_dealt_out_by_labels():
    option, numbers = Federated(partition=Partition.dirichlet), SimpleNamespace(label_names=(), chooses_one=False)
    with pytest.raises(DataError, match="quantity, or iid"):
        option.check_data(None, numbers, 8)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    csv = write_tiny_csv(tmp_path_factory.mktemp("federated") / "tiny.csv")
    return ["task=text_classification", f"task.train={csv}", "model=tiny_bert", "tracker=none", "engines=[eager]",
            "trainer.batch_tokens=700", "trainer.learning_rate=1e-2", "trainer.precision=fp64",
            "trainer.checkpoint_every_steps=50"]  # fmt: skip


@pytest.fixture
def plain_sgd(monkeypatch):
    """The trainer of both sides, without state that a client would have to forget."""
    adam = Standard.optimizer
    monkeypatch.setattr(Standard, "optimizer", lambda self, model: torch.optim.SGD(adam(self, model).param_groups))


def test_one_client_with_one_local_step_is_training_alone(words, tmp_path, plain_sgd):
    alone = trained_in([*words, "strategy=single", "trainer.max_steps=3"], tmp_path / "alone")
    shared = [*words, *FEDERATED, "strategy.rounds=3", "strategy.local_steps=1", "strategy.local_optimizer=sgd"]
    assert alone.distance(trained_in([*shared, "strategy.clients=1"], tmp_path / "one")) <= FLOAT64
    assert alone.distance(trained_in([*shared, "strategy.clients=2"], tmp_path / "two")) > 1e-6  # negative control


ONE_STEP = ["trainer.batch_tokens=null", "trainer.batch_size=500", "trainer.gradient_clip=0"]
ROUND = ["strategy.rounds=1", "strategy.local_steps=1", "strategy.local_optimizer=sgd"]


def test_one_local_step_of_all_clients_is_one_step_of_ddp(words, tmp_path, plain_sgd):
    """All clients have all of their examples in one batch. One process does what DDP's do: see test_parity."""
    pooled = trained_in([*words, *ONE_STEP, "strategy=single", "trainer.max_steps=1"], tmp_path / "pooled")
    shared = [*words, *ONE_STEP, *FEDERATED, *ROUND, "strategy.clients=4"]
    assert pooled.distance(trained_in(shared, tmp_path / "shared")) <= FLOAT64
    unweighted = [*shared, "strategy.weigh_by_examples=false"]
    assert pooled.distance(trained_in(unweighted, tmp_path / "unweighted")) > 1e-9  # negative control


@pytest.mark.slow
def test_any_number_of_processes_trains_the_same(words, tmp_path):
    alone = trained_in([*words, *SKEWED], tmp_path / "alone")
    for processes in (2, 3):
        folder = tmp_path / str(processes)
        train_together({"skewed": [*words, *SKEWED, f"strategy.processes={processes}"]}, processes, folder)
        assert alone.distance(Trained.of(folder / "skewed")) <= FLOAT64
        assert read_metrics(folder / "skewed" / FILE).keys() == read_metrics(tmp_path / "alone" / FILE).keys()
    assert alone.distance(trained_in([*words, *SKEWED, "seed=1"], tmp_path / "other")) > 1e-3  # negative control


@pytest.mark.slow
def test_goes_on_from_the_last_round(train, tmp_path, monkeypatch):
    """Killed in the middle of a round, it does that round again; the server's moments and every draw are the same."""
    more = [*SKEWED, "strategy.compress=int8", "trainer.precision=fp64"]
    whole, losses, _ = train(*more)
    folder = tmp_path / "killed"
    killed = FederatedRound._train

    def die(self, round_, client, start):
        if round_.number == 2 and client > 0:
            raise RunError("killed")
        return killed(self, round_, client, start)

    monkeypatch.setattr(FederatedRound, "_train", die)
    with pytest.raises(RunError, match="killed"):
        train(*more, folder=folder)
    monkeypatch.setattr(FederatedRound, "_train", killed)
    resumed, again, _ = train(*more, checkpoint=folder / "checkpoints" / LAST, folder=folder)
    assert again == pytest.approx(losses, abs=FLOAT64)
    for (name, a), b in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert (a - b).abs().max() <= FLOAT64, name
    curve = [number for number, _ in read_metrics(folder / FILE)["client 0/loss"]]
    assert curve == sorted(set(curve))


def test_two_processes_leave_one_record(tiny_run, tmp_path):
    words = [*tiny_run, *FEDERATED, "strategy.rounds=2", "strategy.processes=2"]
    record = run_ranks(words, tmp_path).record(tmp_path / "run")
    found = {t["name"]: t["evidence"] for t in record["techniques"]}["federated"]
    assert record["status"] == "finished"
    assert (found["world_size"], found["clients"], found["rounds"], found["clients_per_round"]) == (2, 5, 2, 5)
    assert found["bytes_up"] == found["bytes_down"] > 0


def test_one_client_for_each_value_of_a_column(train, tmp_path):
    """Every row belongs to the owner of its line, whatever becomes of other rows."""
    lines = (tmp_path / "tiny.csv").read_text().splitlines()
    owners = ["owner", *("small" if n % 10 == 0 else "large" for n in range(len(lines) - 1))]
    (tmp_path / "tiny.csv").write_text("\n".join(f"{line},{o}" for line, o in zip(lines, owners, strict=True)))
    more = ["task.owner=owner", "strategy.partition=owner", "strategy.rounds=1", "strategy.local_steps=1"]
    _, _, folder = train(*FEDERATED, *more)
    found = read_metrics(folder / FILE)
    large, small = (found[f"client {n}/examples"][0][1] for n in (0, 1))
    assert len(found) == 6
    assert 0 < small < 0.2 * large


def test_a_run_in_which_nothing_moved_did_not_act():
    still = {"update_norm": [0.0] * 20, "clients": [10.0] * 20}
    assert not Federated().evidence(None, still).acted
    assert Federated().evidence(None, still | {"update_norm": [0.1] * 20}).acted
    assert not Federated().evidence(None, {name: values[:5] for name, values in still.items()}).acted
