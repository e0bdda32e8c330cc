""""""

from __future__ import annotations

from accel.compression.prune import Prune
from accel.tuning.full import Full


def test_an_option_knows_its_name_key_and_settings():
    prune = Prune(sparsity=0.3)
    assert (prune.option_name(), prune.key) == ("prune", "compression.prune")
    assert prune.settings()["sparsity"] == 0.3
    assert Full().key == "tuning"


def test_objections_to_a_value_name_key_range_and_remedy():
    objection = Prune(sparsity=2.0).out_of_range("sparsity", "small", "0.5")
    assert objection.what == "compression.prune.sparsity=2.0"
    assert objection.because == "sparsity must be small"
    assert objection.instead == "compression.prune.sparsity=0.5"
