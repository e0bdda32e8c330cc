import torch

from accel.dp.noise import GaussianNoise


def drawn(noise, std=2.0):
    tensors = [torch.zeros(300, 400), torch.zeros(7), torch.zeros(50, 3)]
    noise.add_(tensors, std)
    return tensors


def test_it_is_gaussian_with_the_asked_deviation_everywhere():
    flat = torch.cat([t.flatten() for t in drawn(GaussianNoise())])
    assert abs(float(flat.std()) - 2.0) < 0.03
    assert abs(float(flat.mean())) < 0.03
    assert abs(float((flat.abs() < 2).float().mean()) - 0.6827) < 0.01
    assert (flat != 0).all()


def test_it_never_repeats():
    one, other = GaussianNoise(), GaussianNoise()
    first, second, third = (torch.cat([t.flatten() for t in drawn(n)]) for n in (one, one, other))
    for a, b in ((first, second), (first, third), (second, third)):
        assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 0.02


def test_parts_of_a_tensor_get_noise_of_their_own():
    big = drawn(GaussianNoise())[0].view(4, -1)
    assert abs(float(torch.corrcoef(big)[0, 1])) < 0.03


def test_a_test_seed_repeats_it():
    assert all(torch.equal(a, b) for a, b in zip(drawn(GaussianNoise(5)), drawn(GaussianNoise(5)), strict=True))


def test_no_noise_is_no_change():
    assert all((t == 0).all() for t in drawn(GaussianNoise(), std=0.0))
