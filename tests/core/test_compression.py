from types import SimpleNamespace

from accel.compression.prune import Prune
from accel.core.family import SUPPORTED_FAMILIES


def objections(family):
    plan = SimpleNamespace(model=SimpleNamespace(family=lambda: family))
    return list(Prune().objections_to_family(plan))


def test_only_an_architecture_that_is_known_to_be_another_is_objected_to():
    assert Prune().key == "compression.prune"
    assert objections("bert") == objections(None) == []
    (objection,) = objections("mamba")
    assert "mamba" in objection.what
    assert all(family in objection.because for family in SUPPORTED_FAMILIES)
