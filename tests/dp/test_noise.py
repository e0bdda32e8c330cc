import gc
import math
from types import SimpleNamespace

import pytest
import torch
from scipy.stats import kstest, norm

from accel.dp import keystream, noise
from accel.dp.keystream import Keystream
from accel.dp.noise import BLOCK, STREAMS, GaussianNoise, gaussian, grid_of

COUNT = 1 << 20


@pytest.fixture(scope="module")
def million():
    """Of standard deviation 1, before they are rounded."""
    return gaussian(torch.empty(COUNT), 1.0, Keystream((3,)))


def drawn(source, std=2.0):
    tensors = [torch.zeros(300, 400), torch.zeros(7), torch.zeros(50, 3)]
    source.add_(tensors, std)
    return tensors


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


def correlation(rows):
    found = torch.corrcoef(rows.double())
    return float((found - torch.eye(len(found))).abs().max())


def old_noise(seed, count=1000):
    """As it was: torch's generator, which takes the low 32 bits of a seed."""
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def test_it_is_gaussian(million):
    assert kstest(million[:200_000].numpy(), "norm").pvalue > 1e-4
    for power, wanted, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float(million.pow(power).mean()) - wanted) < 4.5 * math.sqrt(spread / COUNT), power


@pytest.mark.parametrize("beyond", [2.0, 3.0, 4.0, 4.5])
def test_its_tails_have_the_right_weight(million, beyond):
    wanted = 2 * norm.sf(beyond) * COUNT
    assert abs(int((million.abs() > beyond).sum()) - wanted) < 4.5 * wanted**0.5


def test_its_tails_are_longer_than_any_run(monkeypatch):
    """The smallest radius' word gives 9.4 standard deviations, and no word gives what is not finite."""
    words = {"zero": 0, "largest": 2**63 - 1, "smallest": -(2**63)}
    found = {}
    for name, word in words.items():
        stream = SimpleNamespace(fill=lambda array, word=word: array.fill(word))
        found[name] = gaussian(torch.empty(4), 1.0, stream)
        assert found[name].isfinite().all()
    assert float(found["zero"].abs().max()) == pytest.approx(math.sqrt(128 * math.log(2)))


def test_both_halves_of_a_pair_are_unrelated(million):
    halves = million.view(2, -1)
    assert correlation(halves) < 4.5 / (COUNT / 2) ** 0.5
    assert correlation(halves.square()) < 4.5 / (COUNT / 2) ** 0.5


def test_odd_sizes_and_sizes_of_a_block_are_filled():
    for size in (1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1):
        tensor = torch.zeros(size)
        GaussianNoise().add_([tensor], 1.0)
        assert int((tensor == 0).sum()) <= 1 + size // 1000, size


def test_it_has_the_asked_deviation_everywhere():
    found = flat(drawn(GaussianNoise(4)))
    assert abs(float(found.std()) - 2.0) < 4.5 * 2 / math.sqrt(2 * len(found))
    assert abs(float(found.mean())) < 4.5 * 2 / math.sqrt(len(found))


@pytest.mark.parametrize("std", [1e-12, 3e-4, 1.0, 7e5])
def test_its_deviation_is_exact_at_any_scale(std):
    tensor = torch.zeros(1 << 17, dtype=torch.float64)
    GaussianNoise(1).add_([tensor], std)
    assert abs(float(tensor.std()) / std - 1) < 4.5 / math.sqrt(2 * len(tensor))


def test_it_never_repeats_between_steps_runs_and_ranks():
    """Each rank and run makes a source of its own, each step is a call."""
    one, other = GaussianNoise(), GaussianNoise()
    rows = torch.stack([flat(drawn(n)) for n in (one, one, other)])
    assert correlation(rows) < 4.5 / rows.shape[1] ** 0.5


def test_tensors_and_streams_get_noise_of_their_own():
    tensors = [torch.zeros(1 << 17) for _ in range(2)]
    GaussianNoise().add_(tensors, 1.0)
    rows = torch.cat([t.view(STREAMS, -1) for t in tensors])
    assert correlation(rows) < 4.5 / rows.shape[1] ** 0.5


def test_the_low_32_bits_of_a_key_do_not_repeat_it(monkeypatch):
    """The old generator did: the control."""
    assert torch.equal(old_noise(11), old_noise(11 + (1 << 32)))
    found = []
    for key in (11, 11 + (1 << 32)):
        monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count, key=key: key.to_bytes(count, "little"))
        found.append(flat(drawn(GaussianNoise())))
    assert abs(float(torch.corrcoef(torch.stack(found))[0, 1])) < 0.02


def test_every_step_takes_new_keys_for_every_stream(monkeypatch):
    keys = []
    original = keystream.secrets.token_bytes
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: keys.append(original(count)) or keys[-1])
    source = GaussianNoise()
    for _ in range(3):
        drawn(source)
    assert len(set(keys)) == len(keys) == 3 * STREAMS


def test_nothing_of_a_key_is_left():
    source = GaussianNoise()
    drawn(source)
    assert vars(source) == {"test_seed": None, "rank": 0, "calls": 1}
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Keystream)]


def test_a_test_seed_repeats_it():
    assert torch.equal(flat(drawn(GaussianNoise(5))), flat(drawn(GaussianNoise(5))))
    assert not torch.equal(flat(drawn(GaussianNoise(5))), flat(drawn(GaussianNoise(6))))


def test_no_noise_is_no_change():
    assert all((t == 0).all() for t in drawn(GaussianNoise(), std=0.0))


def low_digits(std, start):
    """What is left of noisy sums below the grid."""
    tensor = torch.full((1000,), start, dtype=torch.float64)
    GaussianNoise().add_([tensor], std)
    return torch.remainder(tensor, grid_of(std))


@pytest.mark.parametrize("start", [0.0, 0.1, math.pi])
def test_low_digits_do_not_tell_what_the_noise_was_added_to(start):
    assert not low_digits(0.7, start).any()


def test_low_digits_told_it_before(monkeypatch):
    """The control, Mironov's attack: a sum that is not rounded to the grid leaves only some float64 possible."""
    monkeypatch.setattr(noise, "grid_of", lambda std: 2.0**-80)
    assert low_digits(0.7, math.pi).any()


def test_the_grid_is_a_power_of_two_that_is_fine_and_far_coarser_than_the_noise():
    for std in (1e-9, 0.3, 1.0, 1.1, 5e4):
        grid = grid_of(std)
        assert math.frexp(grid)[0] == 0.5
        assert 1 / 8192 < grid / std <= 1 / 4096
    assert torch.unique(gaussian(torch.empty(1 << 16), 1.0, Keystream())).numel() == 1 << 16


def test_rounding_hides_no_noise():
    """Grid points have the probabilities of the Gaussian between their neighbours' middles."""
    tensor = torch.full((1 << 19,), 0.3)
    GaussianNoise(2).add_([tensor], 1.0)
    inside = tensor.double().sub(0.3).abs().lt(64 * grid_of(1.0)).double().mean()
    wanted = 2 * norm.cdf(64 * grid_of(1.0)) - 1
    assert float(inside) == pytest.approx(wanted, abs=4.5 * math.sqrt(wanted / (1 << 19)))
