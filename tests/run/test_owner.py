"""An owner's side: the same steps as in a simulation, labels in the aggregator's order, and nothing but updates."""

import csv
import json
import threading
from types import SimpleNamespace

import pytest
import torch

from accel import __version__
from accel.config.compose import compose
from accel.data import Dataset, Split
from accel.errors import ConfigError, DataError
from accel.federated.agreed import facts_of, words_of
from accel.federated.channel import ChannelError
from accel.federated.choices import SentAs
from accel.federated.remote import frozen_of
from accel.federated.roster import Roster, taken_parts
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.run.owner import LocalOwner, Place, Refused, Sent, relabelled, take_part
from tests.conftest import tiny_words, write_tiny_csv
from tests.federated.fake_owner import SECRET, free_port

LABELS = ["negative", "positive"]
ONE = ["strategy=federated", "strategy.clients=1", "strategy.rounds=1", "strategy.local_steps=2",
       "strategy.validate_every=50", "trainer.max_steps=null", "trainer.precision=fp64"]  # fmt: skip


def told_by(words, labels=LABELS):
    plan = decide(compose([*words, "strategy.listen=127.0.0.1:7070"]))
    return {
        "version": __version__,
        "words": words_of(plan),
        "labels": labels,
        "objective": facts_of(Classification(labels)),
        "leaves": "…",
    }


def own(file):
    return ["task=text_classification", f"task.train={file}"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tiny_csv(tmp_path_factory.mktemp("owner") / "tiny.csv")


@pytest.fixture(scope="module")
def told(data):
    return told_by([*tiny_words(data), *ONE])


@pytest.fixture(scope="module")
def owner(told, data):
    found = LocalOwner(told, own(data), "anna")
    found.number = 0  # draws as the first client of a simulation does
    found.beginning = {name: p.detach().clone() for name, p in found.weights.items()}
    return found


def test_an_update_is_that_of_a_simulated_client(owner, train):
    """One client, one round, FedAvg: what the server ends with is the beginning and this update."""
    before = owner.beginning
    rates = [group["lr"] for group in owner.server.param_groups]
    loss, parts = owner.train({"round": 0, "rates": rates}, before)
    updates = dict(zip(before, taken_parts(parts, before, SentAs.none), strict=True))
    fitted, losses, _ = train(*ONE)
    assert losses == {0: pytest.approx(loss, abs=1e-12)}
    for name, weight in fitted.model.named_parameters():
        assert (before[name] + updates[name] - weight).abs().max() <= 1e-12, name
    assert max(float(u.abs().max()) for u in updates.values()) > 1e-4  # it learned something


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"round": float("nan")}, "the round is nan"),
        ({"rates": [1.0] * 9}, "learning rates"),
        ({"rates": None}, "learning rates"),
    ],
)
def test_an_aggregator_that_sends_what_was_not_agreed_is_not_followed(owner, change, why):
    words = {"round": 0, "rates": [0.1] * len(owner.server.param_groups)} | change
    with pytest.raises(ChannelError, match=why):
        owner.train(words, {name: p.detach() for name, p in owner.weights.items()})
    with pytest.raises(ChannelError, match="other weights"):
        owner.train({"round": 0}, {"x": torch.zeros(2)})


def test_another_task_is_refused(told, data):
    with pytest.raises(DataError, match="another objective"):
        LocalOwner(told | {"objective": {"objective": "regression"}}, own(data), "anna")


def test_another_version_is_refused(told, data):
    with pytest.raises(ConfigError, match=r"has accel 9\.9, and here is"):
        LocalOwner(told | {"version": "9.9"}, own(data), "anna")


def dataset(labels, names):
    split = Split([("a",)] * len(labels), labels)
    return Dataset(split, split, split, names, "")


def test_labels_are_numbered_as_the_aggregator_does():
    found = relabelled(dataset([0, 1, 1], ["bad", "good"]), ["good", "so so", "bad"])
    assert (found.train.labels, found.test.labels, found.label_names) == (
        [2, 0, 0],
        [2, 0, 0],
        ["good", "so so", "bad"],
    )
    assert relabelled(dataset([[0, 1]], ["a", "b"]), ["b", "a"]).train.labels == [[1, 0]]
    same = dataset([0], ["a"])
    assert relabelled(same, ["a"]) is same


def test_a_label_that_the_aggregator_does_not_have_is_told_here_alone():
    with pytest.raises(DataError, match=r"Some labels of this data \(ugly\) are not among"):
        relabelled(dataset([0], ["ugly"]), ["good", "bad"])


@pytest.fixture
def roster(owner, told):
    like = owner.beginning
    told = told | {"frozen": frozen_of(owner.module.model)}
    said = []
    found = Roster(
        address=("127.0.0.1", 0), secret=SECRET, places=1, told=told, like=like, sent_as=SentAs.none, answer_s=60,
        say=said.append,
    )  # fmt: skip
    yield SimpleNamespace(roster=found, like=like, said=said)
    found.close({"later": True})


def place(roster, secret=SECRET, wait_s=20.0):
    return Place(*roster.address, secret, "anna", None, wait_s)


def test_an_owner_takes_part_and_writes_down_what_left(roster, owner, data, tmp_path):
    said, ended = [], []
    thread = threading.Thread(
        target=lambda: ended.append(take_part(place(roster.roster), own(data), tmp_path / "sent.json", said.append))
    )
    thread.start()
    roster.roster.wait(1, within=60)
    words = {"round": 4, "rates": [group["lr"] for group in owner.server.param_groups]}
    answers, left = roster.roster.round(words, [0], list(roster.like.values()))
    assert not left
    roster.roster.close({"done": True})
    thread.join(20)
    (sent,) = ended
    assert (sent.finished, sent.rounds, sent.examples) == (True, [4], 135)
    record = json.loads((tmp_path / "sent.json").read_text())
    assert record["bytes_sent"] == answers[0].bytes_up > 1e6
    assert any("Joined" in line for line in said)
    assert any("Round 4: loss" in line for line in said)


def test_what_is_wrong_with_the_data_is_not_sent(roster, tmp_path):
    """The error quotes a label; the aggregator hears that there is one."""
    file = tmp_path / "secret.csv"
    with file.open("w", newline="") as stream:
        rows = [(f"text number {n} with words", "hiv" if n % 2 else "flu") for n in range(60)]
        csv.writer(stream).writerows([("text", "label"), *rows])
    with pytest.raises(DataError, match="hiv"):
        take_part(place(roster.roster), own(file), tmp_path / "sent.json")
    assert not roster.roster.present()
    threading.Event().wait(0.2)
    assert any("refuses: its data or its model do not fit" in line for line in roster.said)
    assert not any("hiv" in line for line in roster.said)


def test_a_wrong_secret_ends_at_once_and_a_missing_aggregator_after_a_while(roster, tmp_path, monkeypatch):
    monkeypatch.setattr("accel.run.owner.RETRY_S", 0.05)
    with pytest.raises(Refused, match="secret"):
        take_part(place(roster.roster, b"x" * 32), [], tmp_path / "sent.json")
    nobody = Place("127.0.0.1", free_port(), SECRET, "anna", None, 0.3)
    with pytest.raises(Refused, match="nobody can be reached"):
        take_part(nobody, [], tmp_path / "sent.json")


def test_a_record_is_written_where_there_was_no_folder(tmp_path):
    Sent("h:1", "anna", rounds=[1]).write(tmp_path / "a" / "b.json")
    assert json.loads((tmp_path / "a" / "b.json").read_text())["rounds"] == [1]
