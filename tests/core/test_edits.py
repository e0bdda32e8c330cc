from dataclasses import dataclass
from typing import ClassVar

import pytest
from torch import nn

from accel.core.edits import Edit, edits_of, replay, stored_edits
from accel.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class Widened(Edit):
    """A layer that a plug-in adds."""

    name: ClassVar[str] = "widened for a test"
    width: int

    def change(self, model):
        model.append(nn.Linear(2, self.width))


def test_what_was_stored_is_done_again_in_its_order():
    model = Widened(width=5).apply(Widened(width=3).apply(nn.Sequential()))
    again = replay(nn.Sequential(), stored_edits(model))
    assert [layer.out_features for layer in again] == [3, 5]
    assert edits_of(again) == edits_of(model) == (Widened(width=3), Widened(width=5))
    assert stored_edits(nn.Sequential()) == []


def test_what_is_noted_is_not_done_twice():
    assert len(Widened(width=3).apply(Widened(width=3).apply(nn.Sequential()))) == 1


@pytest.mark.parametrize(
    ("stored", "text"),
    [({"edit": "unheard of"}, "--plugin MODULE"), ({"edit": Widened.name, "depth": 1}, "cannot read")],
)
def test_what_nobody_has_defined_is_told(stored, text):
    with pytest.raises(DataError, match=text):
        replay(nn.Sequential(), [stored])


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="could be of either"):
        type("Other", (Widened,), {"name": Widened.name, "__module__": "elsewhere"})
