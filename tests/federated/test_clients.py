from itertools import chain
from types import SimpleNamespace

import numpy as np
import torch

from accel.data.loader import ResumableLoader
from accel.data.sampler import TokenBudgetSampler
from accel.federated.clients import Clients, RoundLoader


class Examples(list):
    lengths = np.array([3 + i % 20 for i in range(60)])


def clients(shares=None, **options):
    order = TokenBudgetSampler(Examples.lengths, batch_tokens=None, batch_size=4, seed=5)
    loader = ResumableLoader(Examples(range(60)), order, lambda rows: {"rows": torch.tensor(rows)})
    options = {"local_steps": None, "local_epochs": 1} | options
    return Clients(loader, shares or [np.arange(0, 60, 2), np.arange(1, 60, 2)], **options), order


def rows(found, client, number):
    return [batch["rows"].tolist() for batch in found.batches(client, number)]


def test_a_client_sees_all_of_its_own_examples_and_no_others():
    found, _ = clients()
    for client in (0, 1):
        seen = sorted(chain.from_iterable(rows(found, client, 3)))
        assert seen == list(range(client, 60, 2))


def test_rounds_and_clients_have_orders_of_their_own():
    found, _ = clients()
    assert rows(found, 0, 0) != rows(found, 0, 1)
    assert rows(found, 0, 0) == rows(clients()[0], 0, 0)


def test_local_steps_go_on_where_the_last_round_stopped():
    steps, _ = clients(local_steps=3)
    epochs, _ = clients(local_epochs=2)
    piecewise = list(chain.from_iterable(rows(steps, 1, number) for number in range(16)))
    assert piecewise[: epochs.num_steps(1)] == rows(epochs, 1, 0)


def test_one_client_has_the_order_of_a_run_alone():
    found, order = clients([np.arange(60)])
    assert rows(found, 0, 1) == order.batches(1)


def test_a_client_weighs_as_many_predictions_as_it_has():
    found, _ = clients([np.arange(10), np.arange(10, 60)])
    assert found.weights.tolist() == [10, 50]


def test_an_epoch_of_the_loader_is_a_round():
    given = SimpleNamespace()
    loader = RoundLoader(given)
    assert len(loader) == len(list(loader)) == 1
    assert next(iter(loader)).clients is given


def test_no_two_clients_have_one_order():
    found, _ = clients()
    orders = [[row // 2 for batch in rows(found, client, 0) for row in batch] for client in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
