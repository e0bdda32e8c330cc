import torch

from accel.ops.structured.importance import Candidates, choose, gate_gradient


def test_a_gate_need_not_be_built():
    """The score is computed without gates; autograd through real gates is the reference."""
    torch.manual_seed(0)
    weight = torch.randn(5, 12, dtype=torch.float64, requires_grad=True)
    gate = torch.ones(4, dtype=torch.float64, requires_grad=True)
    x = torch.randn(7, 12, dtype=torch.float64)
    ((x * gate.repeat_interleave(3)) @ weight.t()).pow(3).sum().backward()
    assert torch.allclose(gate_gradient(weight, weight.grad, 3), gate.grad.float(), rtol=1e-4)


def candidates(scores, cost=1, multiple=1, alive=None):
    scores = torch.tensor(scores, dtype=torch.float32)
    alive = torch.ones(len(scores), dtype=torch.bool) if alive is None else torch.tensor(alive)
    return Candidates(scores, alive, cost, multiple)


def test_the_least_important_go_first_over_all_blocks():
    keep = choose([candidates([1, 9, 8, 7]), candidates([2, 3, 9, 9])], 3 / 8, final=False)
    assert [k.tolist() for k in keep] == [[False, True, True, True], [False, False, True, True]]


def test_an_expensive_unit_needs_a_higher_score():
    keep = choose([candidates([5.0, 5.0], cost=10), candidates([1.0] * 20, cost=1)], 0.25, final=False)
    assert keep[0].sum() == 1
    assert keep[1].all()


def test_what_is_gone_stays_gone():
    block = candidates([9, 1, 1, 1], alive=[False, True, True, True])
    assert not choose([block], 0.25, final=False)[0][0]
    assert not choose([block], 0.5, final=True)[0][0]


def test_final_counts_are_multiples():
    torch.manual_seed(0)
    keep = choose([candidates(torch.rand(128).tolist(), multiple=32) for _ in range(3)], 0.45, final=True)
    assert all(int(k.sum()) % 32 == 0 and k.sum() > 0 for k in keep)


def test_no_block_disappears():
    keep = choose([candidates([0.0] * 8, multiple=2), candidates([1.0] * 8, multiple=2)], 0.99, final=True)
    assert all(k.sum() >= 2 for k in keep)


def test_fraction_zero_keeps_everything():
    assert choose([candidates([0.0, 1.0])], 0.0, final=True)[0].all()


def test_at_least_the_fraction_is_gone_in_the_end():
    """Rounding to the nearest multiple alone would bring back too much."""
    for seed in range(20):
        torch.manual_seed(seed)
        blocks = [candidates(torch.rand(100).tolist(), multiple=32) for _ in range(3)]
        keep = choose(blocks, 0.45, final=True)
        gone = sum(int((~k).sum()) for k in keep) / 300
        assert 0.45 <= gone < 0.45 + 32 / 300 * 2


def test_the_multiple_that_matters_least_goes(monkeypatch):
    """With a negative control: without that step nothing would be gone."""
    blocks = [candidates([5.0] * 64, multiple=32), candidates([4.0] * 64, multiple=32)]
    keep = choose(blocks, 0.1, final=True)
    assert [int(k.sum()) for k in keep] == [64, 32]
    monkeypatch.setattr("accel.ops.structured.importance._drop_multiples", lambda blocks, keep, budget: keep)
    assert [int(k.sum()) for k in choose(blocks, 0.1, final=True)] == [64, 64]
