from accel.core.family import CAUSAL_FAMILIES, GATED, SUPPORTED_FAMILIES, WITHOUT_BIASES


def test_every_family_that_a_table_names_is_supported():
    assert {*CAUSAL_FAMILIES, *GATED, *WITHOUT_BIASES} <= set(SUPPORTED_FAMILIES)
    assert set(GATED) < set(CAUSAL_FAMILIES)
