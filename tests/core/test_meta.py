from accel.core.meta import Meta


def test_two_models_share_no_default():
    first, second = Meta(["a"], 8), Meta(["a"], 8)
    assert first == second
    assert first.num_units is not second.num_units
