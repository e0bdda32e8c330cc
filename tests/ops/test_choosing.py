import numpy as np

from accel.ops.choosing import margins, worth_labelling

TEXTS = [f"the {thing} of mine has number {thing}{n}" for thing in ("plane", "apple", "violin") for n in range(10)]


def probabilities(doubtful):
    """Sure of all texts but some."""
    first = np.where(np.isin(np.arange(len(TEXTS)), doubtful), 0.55, 0.9)
    return np.stack([first, 1 - first], axis=1)


def test_the_margin_is_between_the_two_likeliest():
    found = margins(np.array([[0.5, 0.5, 0.0], [0.1, 0.7, 0.2], [1.0, 0.0, 0.0]]))
    assert np.allclose(found, [0, 0.5, 1])


def test_the_doubtful_are_chosen_one_of_each_kind(monkeypatch):
    monkeypatch.setattr("accel.ops.choosing.CANDIDATES", 4)
    doubtful = [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]  # four of each thing
    found = worth_labelling(TEXTS, probabilities(doubtful), 3)
    assert set(found) <= set(doubtful)
    assert {TEXTS[i].split()[1] for i in found} == {"plane", "apple", "violin"}


def test_the_most_doubtful_come_first_and_there_are_no_more_than_asked():
    sure = np.linspace(0.51, 0.99, len(TEXTS))
    found = worth_labelling(TEXTS, np.stack([sure, 1 - sure], axis=1), 7)
    assert len(found) == len(set(found)) == 7
    assert found == sorted(found)


def test_without_a_model_each_kind_is_shown_and_small_pools_are_taken_whole():
    found = worth_labelling(TEXTS, None, 3)
    assert {TEXTS[i].split()[1] for i in found} == {"plane", "apple", "violin"}
    assert worth_labelling(TEXTS, None, 99) == list(range(len(TEXTS)))
    assert len(worth_labelling(["!", "?", "."] * 4, None, 5)) == 5
