import numpy as np
import pytest
import torch

from accel.federated.cohort import Cohort
from accel.federated.release import Mean, Released

CPU = torch.device("cpu")


def test_the_mean_is_by_examples_or_by_heads():
    for by_examples, expected in ((True, (3 * 1 + 1 * 5) / 4), (False, 3.0)):
        mean = Mean(by_examples=by_examples)
        mean.begin([torch.zeros(2)])
        weight = sum(mean.add([torch.full((2,), value)], examples) for value, examples in ((1.0, 3.0), (5.0, 1.0)))
        assert mean.finish(weight)[0].tolist() == [expected] * 2


def test_it_tells_who_was_asked_and_who_answered():
    cohort = Cohort(20, 10.0, 0.5, 1)
    asked, answering = Mean(by_examples=True).cohort(cohort, 3, CPU)
    assert asked == len(cohort.asked(3)) > len(answering)
    assert np.array_equal(answering, cohort.answering(3))
    assert Mean(by_examples=True).answered(4) == 4


def test_whoever_brings_a_release_scores_as_before():
    released = Released(lambda batch: {"loss": batch["x"]}, Mean(by_examples=True))
    assert released({"x": torch.tensor(3.0)}) == {"loss": pytest.approx(3.0)}
