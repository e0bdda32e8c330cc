import pytest

from accel.compression.prune import Prune
from accel.technique import Evidence, Stage, Technique
from accel.tuning.full import Full


def test_the_order_of_stages_is_the_order_of_the_work():
    order = ["ADAPT", "REMOVE", "SPARSIFY", "QUANTIZE", "DISTILL", "PRIVATIZE", "DISTRIBUTE"]
    assert [s.name for s in sorted(Stage)] == order


def test_every_seam_returns_what_it_was_given_by_default():
    technique, thing = Full(), object()
    assert technique.trainer_args({"a": 1}) == {"a": 1}
    for seam in (technique.adapt_model, technique.adapt_loader):
        assert seam(thing, None) is thing
    for seam in (technique.adapt_loss, technique.adapt_optimizer):
        assert seam(thing, None, None) is thing
    assert technique.export(thing) is thing
    assert technique.callbacks(None) == []
    assert technique.evidence(thing, {}) is None
    assert isinstance(technique, Technique)


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


def test_records_cannot_be_changed():
    with pytest.raises(AttributeError):
        Evidence(acted=True, figures={}).acted = False
