from accel.core.technique import Stage, Technique
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
