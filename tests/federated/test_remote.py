"""A run whose clients are owners on sockets: it moves by their mean, goes on without bad ones and after a kill."""

import json

import pytest
import torch

from accel.checkpoint.atomic import LAST
from accel.config.compose import compose
from accel.core.facts import Facts
from accel.dp.ledger import LEDGER, Ledger
from accel.errors import PlanError, RunError
from accel.federated.remote import FILE, Places, RemoteRound, frozen_of
from accel.federated.secret import VARIABLE
from accel.objective.classification import Classification, ClassScores
from accel.plan.decide import decide
from accel.report.metrics_file import read_metrics
from accel.run.module import TransformerModule
from tests.federated.fake_owner import SECRET, FakeOwner, free_port, moved_by

SERVED = ["strategy=federated", "strategy.rounds=3", "strategy.validate_every=50", "trainer.max_steps=null",
          "trainer.precision=fp64", "strategy.clients=2", "strategy.answer_s=5",
          "trainer.checkpoint_every_steps=1"]  # fmt: skip


@pytest.fixture
def served(monkeypatch):
    """Words of a run that listens, and its address; a run of rounds that move nothing tells how it began."""
    monkeypatch.setenv(VARIABLE, SECRET.decode())
    address = ("127.0.0.1", free_port())
    return [*SERVED, f"strategy.listen=127.0.0.1:{address[1]}"], address


def moved(fitted, words):
    """By how much the weights have moved from how they were built, smallest and largest."""
    facts = Facts(1, 20, Classification(["negative", "positive"]), 1, 0, None)
    module = TransformerModule(decide(compose(words)), facts, ClassScores(2))
    module.configure_model()
    pairs = zip(fitted.model.parameters(), module.model.parameters(), strict=True)
    distances = torch.cat([(a - b).detach().flatten() for a, b in pairs])
    return float(distances.min()), float(distances.max())


def test_weights_move_by_the_mean_of_what_owners_send(served, train, tiny_run):
    words, address = served
    FakeOwner(address, "anna", moved_by(0.5), examples=3)
    FakeOwner(address, "bert", moved_by(0.1), examples=1)
    fitted, losses, folder = train(*words)
    mean = (3 * 0.5 + 0.1) / 4
    assert moved(fitted, [*tiny_run, *words]) == pytest.approx((3 * mean, 3 * mean), abs=1e-12)
    assert set(losses.values()) == {0.5}
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert [line["round"] for line in lines] == [0, 1, 2]
    assert all(set(line["bytes_up"]) == {"anna", "bert"} for line in lines)
    assert fitted.evidence["federated"]["bytes_up"] > 0
    assert {"client anna/loss", "client bert/examples"} <= set(read_metrics(folder / "clients.csv"))


def test_rounds_go_on_without_who_sends_nonsense(served, train, tiny_run, capsys):
    words, address = served
    FakeOwner(address, "anna", moved_by(0.5))
    FakeOwner(address, "bert", moved_by(float("nan")))
    fitted, _, folder = train(*words)
    assert moved(fitted, [*tiny_run, *words]) == pytest.approx((1.5, 1.5), abs=1e-12)
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert all("NaN" in line["left_out"]["bert"] for line in lines)
    said = capsys.readouterr().err
    assert "What leaves an owner's machine" in said
    assert "Round 2: bert is left out" in said


def test_killed_it_goes_on_from_its_last_round_with_the_same_owners(served, train, tiny_run, tmp_path, monkeypatch):
    words, address = served
    owners = [FakeOwner(address, name, moved_by(0.25), again=True) for name in ("anna", "bert")]
    honest = RemoteRound._asked

    def die(self, round_, answering, start):
        if round_.number == 2:
            raise RunError("killed")
        return honest(self, round_, answering, start)

    folder = tmp_path / "killed"
    monkeypatch.setattr(RemoteRound, "_asked", die)
    with pytest.raises(RunError, match="killed"):
        train(*words, folder=folder)
    monkeypatch.setattr(RemoteRound, "_asked", honest)
    fitted, _, _ = train(*words, folder=folder, checkpoint=folder / "checkpoints" / LAST)
    assert moved(fitted, [*tiny_run, *words]) == pytest.approx((0.75, 0.75), abs=1e-12)
    for owner in owners:
        owner.join(10)
        assert [w["round"] for w in owner.heard if "round" in w] == [0, 1, 2]


def test_private_rounds_are_noisy_bounded_and_told_to_nobody(served, train):
    words, address = served
    for name in ("anna", "bert"):
        FakeOwner(address, name, moved_by(1e6))
    more = ["privacy=dpfedavg", "privacy.epsilon=null", "privacy.noise_multiplier=1", "privacy.max_update_norm=0.1"]
    fitted, losses, folder = train(*words, *more)
    assert fitted.evidence["dpfedavg"]["rounds_with_noise"] == 3
    assert Ledger.read(folder / LEDGER).charged == 3
    assert not losses
    assert not (folder / FILE).exists()
    assert not (folder / "clients.csv").exists()
    assert torch.cat([p.detach().flatten() for p in fitted.model.parameters()]).abs().max() < 10


def test_nobody_there_ends_with_a_remedy(served, train):
    words, _ = served
    with pytest.raises(RunError, match=r"2 owners did not join within strategy.timeout_s=1 s; there: nobody"):
        train(*words, "strategy.timeout_s=1")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("strategy.listen=here", "HOST:PORT"),
        ("strategy.answer_s=0", "at least 1 second"),
        ("strategy.tls_key=a.pem", "together with strategy.tls_certificate"),
        ("strategy.partition=dirichlet", "strategy.partition=iid"),
        ("strategy.processes=2", "strategy.processes=1"),
        ("strategy.drop=0.1", "strategy.drop=0.0"),
        ("compression=[qat]", r"compression=\[ptq\]"),
    ],
)
def test_what_owners_cannot_have_is_refused(word, text):
    listen = [] if "listen" in word else ["strategy.listen=127.0.0.1:7070"]
    with pytest.raises(PlanError, match=text):
        decide(compose(["strategy=federated", *listen, word]))


def test_rounding_after_training_is_none_of_their_business():
    plan = decide(compose(["strategy=federated", "strategy.listen=127.0.0.1:7070", "compression=[ptq]"]))
    assert "rebuilt from them" in plan.strategy.caveat
    assert not decide(compose(["strategy=federated"])).strategy.caveat


def test_places_hold_no_examples():
    places = Places(3)
    assert (len(places), places.num_steps(0), places.name(2)) == (3, 1, "2")
    with pytest.raises(NotImplementedError):
        places.batches(0, 0)


def test_frozen_weights_are_compared_and_others_are_not():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[0].weight.requires_grad_(False)
    before = frozen_of(model)
    model[1].weight.data.add_(1)
    assert frozen_of(model) == before
    model[0].weight.data.add_(1)
    assert frozen_of(model) != before
