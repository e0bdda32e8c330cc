import numpy as np
import pytest
import torch

from accel.explanation.attribution import Explainer
from accel.explanation.checks import Mean, curves, randomised, rank_correlation
from accel.explanation.method import method_of
from accel.objective.regression import ranks


class Sum:
    """A question whose number is the sum of what is shown, and a prompt that is always shown."""

    def __init__(self, values):
        self.values = torch.tensor([*values, 100.0])
        self.num_words, self.num_units = len(values), len(values) + 1

    def shown(self, kept):
        assert bool(kept[:, -1].all())
        return (kept * self.values).sum(1)


def test_the_true_order_falls_and_rises_soonest():
    found = curves(Sum([4.0, 0.0, 0.0, 0.0]), [4.0, 3.0, 2.0, 1.0])
    assert found.shares == [0, 0.25, 0.5, 0.75, 1]
    assert found.deletion == [104, 100, 100, 100, 100]
    assert found.insertion == [100, 104, 104, 104, 104]
    assert found.deletion_area == pytest.approx(100.5)
    assert found.insertion_area == pytest.approx(103.5)
    assert found.deletion_area < found.random_area < found.insertion_area
    assert found.random_interval[0] <= found.random_area <= found.random_interval[1]
    assert found.deletion_gain > 0 < found.insertion_gain


def test_a_bad_explanation_is_seen_to_be_bad():
    """Negative control: the reversed order is worse than a random one."""
    found = curves(Sum([4.0, 0.0, 0.0, 0.0]), [1.0, 2.0, 3.0, 4.0])
    assert found.deletion_gain < 0 > found.insertion_gain


@pytest.mark.parametrize("count", [3, 10, 15, 37])
def test_curves_have_the_same_points_from_both_ends(count):
    shares = np.array(curves(Sum([1.0] * count), range(count)).shares)
    assert shares == pytest.approx(1 - shares[::-1])
    assert len(shares) <= 12


def test_two_words_have_no_curve():
    assert curves(Sum([1.0, 2.0]), [1.0, 2.0]) is None


def test_random_weights_are_as_large_and_another_network(predictor):
    explainer = Explainer(predictor(), method_of("occlusion"))
    random = randomised(explainer.network)
    before = dict(explainer.network.model.named_parameters())
    for name, weight in random.model.named_parameters():
        assert torch.equal(weight.flatten().sort().values, before[name].flatten().sort().values)
    table = "bert.embeddings.word_embeddings.weight"
    assert not torch.equal(dict(random.model.named_parameters())[table], before[table])
    assert random.embedding is random.model.get_input_embeddings()


def test_rank_correlation():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 5, 20).tolist(), generator.normal(size=20).tolist()
    expected = np.corrcoef(ranks(torch.tensor(one)), ranks(torch.tensor(other)))[0, 1]
    assert rank_correlation(one, other) == pytest.approx(expected)
    assert rank_correlation([1, 2, 3], [10, 20, 21]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [0, -1, -5]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1, 2], [1, 2]) is None


def test_means_have_intervals_of_several_texts():
    assert Mean.of([None]) is None
    assert str(Mean.of([0.5, None])) == "0.500"
    found = Mean.of([0.0, 1.0] * 50)
    assert found.value == 0.5
    assert found.interval[0] == pytest.approx(0.4, abs=0.03)
    assert found.interval[1] == pytest.approx(0.6, abs=0.03)
