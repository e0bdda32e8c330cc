from accel.core.seeds import step_seed


def test_neighbouring_places_and_steps_have_unrelated_seeds():
    found = {step_seed(0, place, step) for place in range(50) for step in range(50)}
    assert len(found) == 2500
    assert all(0 <= seed < 2**63 for seed in found)
    assert step_seed(0, 1, 2) == step_seed(0, 1, 2)
