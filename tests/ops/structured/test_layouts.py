from accel.core.family import SUPPORTED_FAMILIES
from accel.ops.structured.layouts import CHANNELS, HEADS, LAYOUTS, STACKS


def test_every_family_that_options_promise_to_know_is_there():
    assert set(LAYOUTS) == set(STACKS) == set(SUPPORTED_FAMILIES)


def test_every_family_has_heads_and_channels():
    for layouts in LAYOUTS.values():
        assert {layout.kind for layout in layouts} == {HEADS, CHANNELS}


def test_heads_say_who_keeps_their_width():
    heads = [layout for layouts in LAYOUTS.values() for layout in layouts if layout.kind == HEADS]
    assert all(layout.owner and layout.head_dim for layout in heads)
    assert all(layout.biased for layout in heads if layout.positions)
