from types import SimpleNamespace

import numpy as np
import pytest

from accel.explanation.against import Shift
from accel.explanation.attribution import Attribution
from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling
from accel.objective.retrieval import Retrieval
from accel.objective.sequence_to_sequence import SequenceToSequence
from accel.run import explanation
from accel.run.explanation import FEWEST, SHOWN, TEXTS, Moved, can_be_explained, explanations, figures, least_alike
from tests.explanation import conftest
from tests.explanation.conftest import CLASSES

predictor = conftest.predictor

SOME = [(f"the crew was rude on flight {number}",) for number in range(30)]


def trained(passes=100, objective=CLASSES):
    """A plan and its data, of which a hundred texts of ten tokens were learned so often."""
    learned = SimpleNamespace(lengths=np.full(100, 10))
    data = SimpleNamespace(
        objective=objective,
        total_steps=lambda plan: passes * 5,
        sampler=lambda plan: SimpleNamespace(num_steps=5),
        learned=lambda plan: learned,
    )
    return None, data


def test_a_model_explains_as_it_does_itself(predictor):
    one = predictor()
    told = figures(explanations(*trained(), one.folder, one, SOME[:6]))
    assert (told["texts"], told["overlap"]) == (6, 1.0)
    assert told["rank_correlation"] == pytest.approx(1)


def test_another_model_explains_otherwise(predictor):
    one, other = predictor(), predictor(seed=1)
    told = figures(explanations(*trained(), other.folder, one, SOME[:6]))
    low, high = told["rank_correlation_interval"]
    assert low < told["rank_correlation"] < high < 0.99


def test_it_costs_no_more_than_a_share_of_training(predictor):
    """And says nothing where that is not enough for some texts."""
    one = predictor()
    (_, found) = trained(passes=40)
    texts = explanation._affordable(one, SOME, explanation.SHARE * explanation._work(None, found))
    assert FEWEST < len(texts) < TEXTS
    tokens = [len(one.inputs([text])["input_ids"][0]) for text in texts]
    assert 0.9 < 2 * sum((7 + 4) * count for count in tokens) / (0.05 * 3 * 40 * 1000) <= 1
    assert explanations(*trained(passes=1), one.folder, one, SOME) == []


@pytest.mark.parametrize(
    ("objective", "can"),
    [(CLASSES, True), (Retrieval(), False), (LanguageModelling(), False), (SequenceToSequence(8, 1), False)],
)
def test_only_what_answers_with_a_number_is_explained(objective, can):
    assert can_be_explained(objective) is can


def test_what_has_too_few_words_is_not_explained(predictor):
    one = predictor()
    assert explanations(*trained(objective=Classification([])), one.folder, one, [("two words",)] * 30) == []


def moved(rank, overlap=0.5):
    one = Attribution("a b c", {"label": "bad"}, ["a b c"], "bad", ["a", "b", "c"], [1.0, 0.5, 0.25], [(0, 0, 1)] * 3)
    return Moved(one, Shift(one, rank, 2, overlap))


def test_those_that_are_least_alike_are_shown():
    found = [moved(rank / 10) for rank in range(9, -1, -1)]
    assert [row["rank_correlation"] for row in least_alike(found)] == [rank / 10 for rank in range(SHOWN)]
    assert least_alike(found)[0]["after"]["answer"] == {"label": "bad"}


def test_without_ranks_there_is_the_overlap_alone():
    assert set(figures([moved(None)] * 5)) == {"method", "texts", "top", "overlap", "overlap_interval"}
    assert figures([]) is None
