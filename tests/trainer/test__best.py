"""Which validations compare, and what speaks against choosing by them."""

from types import SimpleNamespace

import pytest

from accel.trainer._best import comparable, objections_to_choice


@pytest.mark.parametrize(
    ("settled_at", "epochs", "expected"),
    [
        (0.0, 6, 6),
        (0.0, 2.5, 3),  # one more where training ends
        (0.5, 6, 3),  # the third is of the step at which rounding begins, or the last mask came
        (0.6, 6, 3),
        (0.9, 6, 1),
        (1.0, 6, 1),  # the last step's model has its form by definition
        (0.5, 0.4, 1),
    ],
)
def test_validations_are_counted_from_where_the_form_stays(settled_at, epochs, expected):
    assert comparable(settled_at, epochs) == expected


def planned(*, privacy=None, local=False, parts=False):
    strategy = SimpleNamespace(trains_locally=local, saves_parts=parts, option_name=lambda: "mine")
    return SimpleNamespace(privacy=privacy, strategy=strategy)


@pytest.mark.parametrize(
    ("plan", "because"),
    [
        (planned(), []),
        (planned(privacy=SimpleNamespace(key="privacy")), ["the accountant does not count that"]),
        (planned(local=True), ["stay at the clients"]),
        (planned(parts=True), ["only a part of the weights"]),
    ],
)
def test_objects_where_nobody_may_or_can_choose(plan, because):
    found = list(objections_to_choice("trainer.soup=2", "trainer.soup=null", plan))
    assert [text in objection.because for text, objection in zip(because, found, strict=True)] == [True] * len(because)
    assert all(objection.what.startswith("trainer.soup=2  with  ") for objection in found)
    assert all(objection.instead.startswith("trainer.soup=null") for objection in found)
