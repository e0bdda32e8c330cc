import numpy as np
import pytest

from accel.federated.choices import Partition
from accel.federated.partition import DEALERS, by_owner, deal

LABELS = [i % 4 for i in range(400)]


def dealt(partition, alpha=1.0, clients=10, seed=0):
    return deal(Partition[partition], LABELS, clients=clients, alpha=alpha, seed=seed)


def distance(shares):
    """Of clients' shares of labels from the common ones: mean total variation, in [0, 1]."""
    counts = [np.bincount(np.array(LABELS)[s], minlength=4) / len(s) for s in shares]
    return float(np.mean([np.abs(c - 0.25).sum() / 2 for c in counts]))


def test_every_rule_has_a_dealer():
    assert set(DEALERS) == {p for p in Partition if not p.is_given}


@pytest.mark.parametrize("partition", [p.name for p in DEALERS])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 1000.0])
@pytest.mark.parametrize("clients", [1, 10, 400])
def test_every_example_is_at_one_client_and_nobody_has_none(partition, alpha, clients):
    shares = dealt(partition, alpha, clients)
    assert len(shares) == clients
    assert min(map(len, shares)) >= 1
    assert sorted(np.concatenate(shares).tolist()) == list(range(400))
    assert all((np.diff(s) > 0).all() for s in shares)


@pytest.mark.parametrize("partition", [p.name for p in DEALERS])
def test_the_seed_decides(partition):
    first, again, other = dealt(partition), dealt(partition), dealt(partition, seed=1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first, other, strict=True))


def test_a_small_alpha_makes_labels_unlike():
    skewed, mild, even = (distance(dealt("dirichlet", alpha)) for alpha in (0.05, 1.0, 1000.0))
    assert skewed > 0.5 > mild > 0.1 > even


def test_a_small_alpha_makes_sizes_unlike():
    skewed, even = (np.std([len(s) for s in dealt("quantity", alpha)]) for alpha in (0.1, 1000.0))
    assert skewed > 40 > 5 > even


def test_iid_deals_evenly_and_labels_deals_few_of_them():
    assert {len(s) for s in dealt("iid")} == {40}
    assert max(len(set(np.array(LABELS)[s])) for s in dealt("labels")) <= 3


def test_owners_have_their_own():
    found = by_owner(["b", "a", "b", "c"])
    assert {name: share.tolist() for name, share in found.items()} == {"a": [1], "b": [0, 2], "c": [3]}


@pytest.mark.parametrize("partition", ["dirichlet", "quantity", "labels"])
def test_another_split_goes_to_the_same_clients_in_the_same_shares(partition):
    """And to nobody to whom nothing is due, as nobody has to train on it."""

    def shares(labels, seed=0):
        found = deal(Partition[partition], labels, clients=10, alpha=0.1, seed=seed, trains=False)
        assert sum(map(len, found)) == len(labels)
        return np.array([[np.sum(np.array(labels)[s] == label) for label in range(4)] for s in found]) / len(labels)

    small = LABELS[:100]
    assert np.abs(shares(LABELS) - shares(small)).max() <= 0.02
    assert np.abs(shares(LABELS) - shares(small, seed=1)).max() > 0.05  # negative control
    assert min(map(len, deal(Partition[partition], small, clients=90, alpha=0.01, seed=0, trains=False))) <= 1
