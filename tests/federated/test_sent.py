import pytest
import torch

from accel.federated.choices import SentAs
from accel.federated.sent import FORMATS, bytes_down, bytes_up, packed, parts_of, received

SHAPES = [(384, 384), (384,), (1536, 384)]
TALL = (1536, 8)
"""Of the second factor of LoRA."""


def test_every_choice_has_a_format():
    assert set(FORMATS) == set(SentAs)


def test_without_compression_nothing_changes():
    update = torch.randn(3, 5)
    assert torch.equal(received(update, SentAs.none), update)


@pytest.mark.parametrize(("sent_as", "most"), [(SentAs.bf16, 2**-8), (SentAs.int8, 1 / 127)])
def test_errors_are_within_a_step_of_the_largest_of_a_row(sent_as, most):
    torch.manual_seed(0)
    update = torch.randn(64, 33, dtype=torch.float64)
    error = (received(update, sent_as) - update).abs()
    assert float(error.max()) > 0
    assert (error <= most * update.abs().amax(dim=1, keepdim=True) * 1.0001).all()


def test_a_tall_update_has_a_scale_for_each_column():
    """A small column beside a large one is not lost, and scales weigh little."""
    torch.manual_seed(0)
    update = torch.randn(TALL) * torch.logspace(0, -6, TALL[1])
    error = (received(update, SentAs.int8) - update).abs()
    assert (error <= update.abs().amax(dim=0) / 127 * 1.0001).all()
    assert bytes_up([update], SentAs.int8) == update.numel() + 4 * TALL[1]
    assert parts_of(update, SentAs.int8)["scale"][0] == (TALL[1], 1)


def test_int8_is_right_on_average():
    """Rounded to the nearest, a small number beside a large one would always be lost."""
    torch.manual_seed(0)
    update = torch.tensor([[1.0, 0.002]])
    mean = torch.stack([received(update, SentAs.int8) for _ in range(4000)]).mean(0)
    assert abs(float(mean[0, 1]) - 0.002) < 4 * 0.004 / 4000**0.5
    assert float(mean[0, 0]) == pytest.approx(1)


def test_int8_of_nothing_and_of_single_numbers_and_rows():
    assert received(torch.zeros(3, 2), SentAs.int8).abs().sum() == 0
    assert received(torch.tensor(2.0), SentAs.int8).shape == ()
    assert torch.isfinite(received(torch.tensor([0.0, 1e-30, 3.0]), SentAs.int8)).all()


def test_bytes():
    tensors = [torch.zeros(*shape) for shape in SHAPES]
    full = bytes_down(tensors)
    assert full == 4 * sum(t.numel() for t in tensors) == bytes_up(tensors, SentAs.none)
    assert bytes_up(tensors, SentAs.bf16) == full / 2
    assert 0.25 < bytes_up(tensors, SentAs.int8) / full <= 0.27


@pytest.mark.parametrize("sent_as", SentAs)
@pytest.mark.parametrize("shape", [*SHAPES, TALL, (), (2, 3, 4), (3, 2), (2, 3)], ids=str)
def test_parts_are_known_before_they_come(sent_as, shape):
    update = torch.zeros(shape)
    assert parts_of(update, sent_as) == {n: (tuple(p.shape), p.dtype) for n, p in packed(update, sent_as).items()}
