from types import SimpleNamespace

import numpy as np
import pytest
import torch

from accel.federated.choices import SentAs, ServerOptimizer
from accel.federated.cohort import Cohort
from accel.federated.release import Mean
from accel.federated.round import FederatedRound, Rules
from accel.federated.server import Server


class Few:
    """Clients that each want the weight to be a number of theirs."""

    def __init__(self, wants, weights, steps=1):
        self.wants, self.weights, self.steps = wants, np.array(weights, dtype=float), steps

    def __len__(self):
        return len(self.wants)

    def name(self, client):
        return str(client)

    def num_steps(self, client):
        return self.steps

    def batches(self, client, number):
        del number
        return [{"want": torch.tensor([self.wants[client]], dtype=torch.float64)} for _ in range(self.steps)]


def round_of(clients, *, rate=0.5, release=None, **rules):
    model = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.zeros_(model.weight)
    rules = {"sent_as": SentAs.none, "proximal": 0.0, "seed": 0} | rules
    rules = {"expected": None, "drop": 0.0} | rules
    score = lambda batch: {"loss": (model.weight[0, 0] - batch["want"][0]).square() / 2}  # noqa: E731
    step = FederatedRound(score, model, Rules(**rules), None, release)
    server = Server(torch.optim.SGD(model.parameters(), lr=rate), ServerOptimizer.sgd, 1.0)
    given = SimpleNamespace(clients=clients, number=0, server=server, bound=lambda: None)
    terms = step(given)
    assert float(model.weight.detach()) == 0  # as it was before
    terms["loss"].backward()
    server.step()
    return float(model.weight.detach()), terms


def test_the_weight_moves_by_the_mean_of_the_updates():
    """By hand: with a rate of 1/2 a client goes half way to its wish."""
    assert round_of(Few([1.0, 4.0], [3, 1]))[0] == pytest.approx(0.5 * (3 * 1 + 4) / 4, abs=1e-15)


def test_all_clients_may_count_the_same():
    assert round_of(Few([1.0, 4.0], [3, 1]), release=Mean(by_examples=False))[0] == pytest.approx(0.5 * 2.5, abs=1e-15)


def test_more_local_steps_go_further():
    assert round_of(Few([1.0], [1], steps=3))[0] == pytest.approx(1 - 0.5**3, abs=1e-15)


def test_a_proximal_term_holds_back():
    """By hand: w1 = 1/2, then the gradient is (w1 - 1) + mu w1."""
    assert round_of(Few([1.0], [1], steps=2), proximal=0.4)[0] == pytest.approx(0.5 - 0.5 * (-0.5 + 0.4 * 0.5))


def test_who_does_not_answer_counts_in_nothing():
    seed = next(s for s in range(99) if Cohort(2, 2.0, 0.5, s).answering(0).tolist() == [1])
    moved, terms = round_of(Few([1.0, 4.0], [3, 1]), drop=0.5, seed=seed)
    assert moved == pytest.approx(2.0)
    assert (int(terms["clients"]), int(terms["bytes_up"]), int(terms["bytes_down"])) == (1, 8, 16)


def test_figures_of_a_round():
    _, terms = round_of(Few([1.0, 4.0], [3, 1]))
    assert float(terms["loss"].detach()) == pytest.approx((3 * 0.5 + 8) / 4)
    assert float(terms["worst_decile_loss"]) == 8
    assert float(terms["update_norm"]) == pytest.approx(0.875)
