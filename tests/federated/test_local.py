import pytest
import torch

from accel.federated.local import LocalTraining, put


def trained(proximal=0.0, number=0, client=0, steps=2):
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    drawn = []

    def score(batch):
        drawn.append(float(torch.rand(1)))
        return {"loss": (weight - batch["want"]).square().sum() / 2}

    local = LocalTraining(score, [weight], proximal, seed=0)
    batches = [{"want": torch.ones(1, dtype=torch.float64)}] * steps
    start = [torch.full((1,), 0.5, dtype=torch.float64)]
    optimizer = torch.optim.SGD([weight], lr=0.5)
    loss = local.train(batches, optimizer, lambda: None, start, client=client, number=number)
    return float(weight.detach()), loss, drawn


def test_it_begins_with_the_common_weights_and_leaves_its_own():
    moved, loss, _ = trained()
    assert moved == pytest.approx(1 - 0.5 * 0.25)
    assert loss == pytest.approx((0.5**2 + 0.25**2) / 4)


def test_a_proximal_term_holds_back():
    assert trained(proximal=0.4)[0] == pytest.approx(0.75 - 0.5 * (-0.25 + 0.4 * 0.25))


def test_draws_follow_from_client_step_and_round_alone():
    assert trained()[2] == trained()[2]
    assert len({*trained()[2], *trained(number=1)[2], *trained(client=1)[2]}) == 6


def test_weights_are_given_in_place():
    weight = torch.nn.Parameter(torch.zeros(2))
    put([weight], [torch.ones(2)])
    assert weight.tolist() == [1, 1]
