import torch

from accel.ops.hand_over import hand_over


def test_the_backward_pass_delivers_and_adds_nothing():
    weight = torch.nn.Parameter(torch.zeros(2))

    def deliver():
        weight.grad = torch.tensor([3.0, 4.0])

    loss = hand_over(weight, torch.tensor(0.5), deliver)
    assert (float(loss.detach()), weight.grad) == (0.5, None)
    loss.backward()
    assert weight.grad.tolist() == [3.0, 4.0]
