import pytest
import torch

from accel.federated.choices import ServerOptimizer
from accel.federated.server import BETA1, BETA2, MOVES, TAU, Server

UPDATES = [torch.tensor([1.0, -2.0], dtype=torch.float64), torch.tensor([0.5, 3.0], dtype=torch.float64)]


def moved(kind, rate=1.0):
    weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    server = Server(torch.optim.SGD([weight], lr=0.1), ServerOptimizer[kind], rate)
    for update in UPDATES:
        weight.grad = -update
        server.step()
    return weight.detach(), server


def by_hand(kind):
    """Algorithm 2 of the paper, as it is printed."""
    x, m, v = 0.0, 0.0, TAU**2
    for d in UPDATES:
        m = BETA1 * m + (1 - BETA1) * d
        v = BETA2 * v + (1 - BETA2) * d**2 if kind == "adam" else v - (1 - BETA2) * d**2 * torch.sign(v - d**2)
        x = x + 0.1 * m / (v**0.5 + TAU)
    return x


def test_every_choice_has_a_move():
    assert set(MOVES) == set(ServerOptimizer)


def test_sgd_applies_the_update_as_it_is():
    assert moved("sgd")[0].tolist() == [1.5, 1.0]


def test_momentum_goes_on():
    first, second = UPDATES
    torch.testing.assert_close(moved("momentum")[0], first + (BETA1 * first + second))


@pytest.mark.parametrize("kind", ["adam", "yogi"])
def test_adaptive_servers_are_those_of_the_paper(kind):
    torch.testing.assert_close(moved(kind, 0.1)[0], by_hand(kind), rtol=1e-12, atol=0)


def test_what_is_remembered_goes_through_a_checkpoint():
    _, server = moved("adam")
    _, other = moved("adam", 0.5)
    other.load_state_dict(server.state_dict())
    for a, b in zip(server.state.values(), other.state.values(), strict=True):
        assert all(torch.equal(a[name], b[name]) for name in ("momentum", "square"))


def test_clients_begin_anew_at_the_rate_of_the_round():
    weight = torch.nn.Parameter(torch.ones(2))
    local = torch.optim.AdamW([weight], lr=0.1)
    server = Server(local, ServerOptimizer.sgd, 1.0)
    weight.grad = torch.ones(2)
    local.step()
    server.param_groups[0]["lr"] = 0.02
    assert local.state
    fresh = server.fresh_local()
    assert not fresh.state
    assert weight.grad is None
    assert fresh.param_groups[0]["lr"] == 0.02
