import numpy as np
import pytest
from sklearn.metrics import f1_score

from accel.behaviour.fairness import (
    OTHERS,
    demographic_parity_difference,
    equalized_odds_difference,
    fairness,
    groups_of,
    mean_f1,
    rates,
)
from tests.behaviour.test_decisions import decided

TABLE = np.array([[[50, 10], [5, 35]], [[30, 30], [20, 20]]])
"""Counts [group, true, chosen] of two groups of 100."""


def rows(table, sure=0.8):
    """(the groups' names, decisions) that a table counts."""
    places = np.repeat(np.arange(table.size), table.ravel())
    groups, truths, choices = np.unravel_index(places, table.shape)
    return ["ab"[g] for g in groups], decided(choices, truths, sure=sure, labels=table.shape[-1])


def test_rates_are_those_of_their_definitions():
    found = rates(TABLE)
    assert found["selection_rate"][:, 1].tolist() == [0.45, 0.5]
    assert found["true_positive_rate"][:, 1].tolist() == [35 / 40, 0.5]
    assert found["false_positive_rate"][:, 1].tolist() == [10 / 60, 0.5]


def test_differences_are_fairlearns_on_a_known_answer():
    """fairlearn 0.15.0 on these rows: demographic_parity_difference 0.05, equalized_odds_difference 0.375."""
    assert demographic_parity_difference(TABLE) == pytest.approx(0.05, abs=1e-12)
    assert equalized_odds_difference(TABLE) == pytest.approx(0.375, abs=1e-12)


def test_two_labels_give_the_same_difference_whichever_is_the_positive_one():
    assert equalized_odds_difference(TABLE) == equalized_odds_difference(TABLE[:, ::-1, ::-1])


def test_several_labels_are_told_by_the_one_where_groups_differ_most():
    table = np.zeros((2, 3, 3), dtype=int)
    table[0] = [[8, 2, 0], [0, 10, 0], [0, 0, 10]]
    table[1] = [[10, 0, 0], [0, 10, 0], [5, 0, 5]]
    assert equalized_odds_difference(table) == pytest.approx(0.5)  # found of the third label: 1.0 against 0.5
    assert demographic_parity_difference(table) == pytest.approx((15 - 8) / 30)  # chosen: the first label


def test_macro_f1_is_sklearns_over_the_labels_that_occur_or_were_chosen():
    for table in (*TABLE, np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])):
        truths, choices = (np.repeat(place.ravel(), table.ravel()) for place in np.indices(table.shape))
        assert mean_f1(table) == pytest.approx(f1_score(truths, choices, average="macro"), abs=1e-12)
    assert mean_f1(np.zeros((2, 2), dtype=int)) == 0.0


def test_a_group_without_a_label_takes_no_part_in_its_rate():
    table = np.array([[[5, 5], [0, 0]], [[5, 5], [2, 8]]])
    assert np.isnan(rates(table)["true_positive_rate"][0, 1])
    assert equalized_odds_difference(table) == 0.0


def test_counts_add_up_so_shares_of_the_split_give_the_same():
    parts = [TABLE // 5, TABLE - TABLE // 5]
    assert equalized_odds_difference(parts[0] + parts[1]) == equalized_odds_difference(TABLE)


def test_small_groups_are_put_together_and_named():
    found = groups_of("city", ["x"] * 40 + ["y"] * 29 + ["z"] * 30 + ["w"])
    assert list(found.names) == ["x", "z", OTHERS]
    assert found.merged == {"w": 1, "y": 29}
    assert np.bincount(found.numbers).tolist() == [40, 30, 30]


def test_before_after_and_the_change():
    values, after = rows(TABLE)
    before = decided(after.truths, after.truths)  # was always right
    found = fairness(groups_of("g", values), ["no", "yes"], before, after, "share")
    assert found["groups"]["a"]["examples"] == 100
    assert (found["groups"]["a"]["before"]["share"], found["groups"]["a"]["after"]["share"]) == (1.0, 0.85)
    assert found["groups"]["b"]["after"]["ece"] == pytest.approx(0.8 - 0.5)
    assert (found["worst_group"], found["worst_before"], found["worst_after"]) == ("b", 1.0, 0.5)
    assert (found["hit_hardest"], found["hardest_change"]) == ("b", -0.5)
    low, high = found["hardest_change_interval"]
    assert low == pytest.approx(-0.5 - 1.96 * 0.05, abs=0.01)
    assert high == pytest.approx(-0.5 + 1.96 * 0.05, abs=0.01)
    assert (found["equalized_odds_before"], found["equalized_odds_after"]) == (0.0, pytest.approx(0.375))
    low, high = found["equalized_odds_after_interval"]
    assert low < 0.375 < high
    assert found["rates_of"] in ("no", "yes")


def test_without_a_model_before_there_is_no_change():
    values, after = rows(TABLE)
    found = fairness(groups_of("g", values), ["no", "yes"], None, after, "share")
    assert "hit_hardest" not in found
    assert "before" not in found["groups"]["a"]


def test_a_model_against_itself_changes_no_group():
    values, after = rows(TABLE)
    found = fairness(groups_of("g", values), ["no", "yes"], after, after, "share")
    assert found["hardest_change_interval"] == [0, 0]
    assert found["equalized_odds_change_interval"] == [0, 0]
