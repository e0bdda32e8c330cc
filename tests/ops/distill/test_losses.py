import torch
import torch.nn.functional as F

from accel.ops.distill.losses import hidden_distance, match_layers, nearest_distance, soft_cross_entropy


def test_equal_predictions_cost_nothing():
    logits = torch.randn(4, 3)
    assert soft_cross_entropy(logits, logits, 2.0).abs() < 1e-6


def test_at_temperature_one_it_is_the_kl_divergence():
    torch.manual_seed(0)
    s, t = torch.randn(6, 3), torch.randn(6, 3)
    expected = (t.softmax(-1) * (t.log_softmax(-1) - s.log_softmax(-1))).sum(-1).mean()
    assert torch.allclose(soft_cross_entropy(s, t, 1.0), expected, atol=1e-6)


def test_the_gradient_does_not_shrink_with_temperature():
    s = torch.randn(64, 3, requires_grad=True)
    t = torch.randn(64, 3)
    norms = [torch.autograd.grad(soft_cross_entropy(s, t, T), s)[0].norm() for T in (4.0, 16.0)]
    assert 0.5 < norms[1] / norms[0] < 2


def test_padding_does_not_count():
    s, t = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    changed = s.clone()
    changed[0, 3:] = 1e3
    assert torch.equal(hidden_distance([s], [t], mask), hidden_distance([changed], [t], mask))
    assert hidden_distance([changed], [t], torch.ones_like(mask)) > hidden_distance([s], [t], mask)


def test_one_layer_is_the_mean_squared_error():
    s, t = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    assert torch.allclose(hidden_distance([s], [t], torch.ones(2, 5)), F.mse_loss(s, t))


def test_layers_match_evenly_and_the_last_with_the_last():
    assert match_layers(6, 6) == [(i, i) for i in range(1, 7)]
    assert match_layers(3, 12) == [(1, 4), (2, 8), (3, 12)]


def test_an_example_has_the_same_distance_in_any_batch():
    """A private step bounds what one record contributes, so its length must not weigh on the others' terms."""
    torch.manual_seed(0)
    s, t = torch.randn(2, 6, 8), torch.randn(2, 6, 8)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]])
    alone = [hidden_distance([s[i : i + 1]], [t[i : i + 1]], mask[i : i + 1]) for i in (0, 1)]
    assert torch.allclose(hidden_distance([s], [t], mask), (alone[0] + alone[1]) / 2)


def test_the_nearest_layer_is_found_example_by_example():
    torch.manual_seed(0)
    a, b = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    mixed = torch.stack([a[0], b[1]])
    ones = torch.ones(2, 5)
    assert nearest_distance([a, b], [mixed], ones) == 0
    assert nearest_distance([a], [mixed], ones) > 0
    alone = [nearest_distance([a[i : i + 1]], [b[i : i + 1]], ones[:1]) for i in (0, 1)]
    assert torch.allclose(nearest_distance([a], [b], ones), (alone[0] + alone[1]) / 2)


def test_double_precision_stays():
    s, t = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    assert soft_cross_entropy(s, t, 2.0).dtype is torch.float64
    assert soft_cross_entropy(s.bfloat16(), t.bfloat16(), 2.0).dtype is torch.float32


def test_at_another_temperature_both_are_softened_and_the_gradient_is_scaled_back():
    torch.manual_seed(0)
    s, t = torch.randn(6, 3), torch.randn(6, 3)
    p, q = (s / 4).softmax(-1), (t / 4).softmax(-1)
    assert torch.allclose(soft_cross_entropy(s, t, 4.0), 16 * (q * (q.log() - p.log())).sum(-1).mean(), atol=1e-6)
