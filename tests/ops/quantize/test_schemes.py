import pytest

from accel.compression._quantization import SchemeName
from accel.errors import RunError
from accel.ops.quantize import kernels
from accel.ops.quantize.grids import Int4Groups
from accel.ops.quantize.schemes import SCHEMES, Fp8, Int4WeightOnly


def test_every_name_that_can_be_typed_has_a_class():
    assert [name.name for name in SchemeName] == list(SCHEMES)


def test_groups_are_settings():
    assert Int4WeightOnly(group_size=64, symmetric=False).weights == Int4Groups(64, symmetric=False)


def test_a_machine_without_fp8_is_told(monkeypatch):
    monkeypatch.setattr(kernels, "has_fp8", lambda: False)
    with pytest.raises(RunError, match="scheme=int8, which is as small"):
        Fp8().require()
    monkeypatch.setattr(kernels, "has_fp8", lambda: True)
    Fp8().require()
