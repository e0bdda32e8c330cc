import pytest
import torch

from accel.errors import RunError
from accel.ops.quantize import kernels
from accel.ops.quantize.grids import Fp8Rows, Int4Groups, unpack


@pytest.mark.parametrize("symmetric", [True, False])
def test_packed_int4_multiplies_the_weights_that_are_stored(symmetric):
    if not kernels.has_packed_int4(32):
        pytest.skip("this torch has no such kernel")
    torch.manual_seed(0)
    weight, x = torch.randn(48, 128) + 0.5, torch.randn(5, 128)
    stored = Int4Groups(32, symmetric).quantize(weight)
    zero = unpack(stored["weight_zero"]) if "weight_zero" in stored else None
    found = kernels.PackedInt4(unpack(stored["weight_int4"]), stored["weight_scale"], zero)(x)
    expected = x @ Int4Groups.dequantize(stored, 128).T
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize("columns", [1, 384, 1024, 1025, 3000])
def test_int8_by_floats_gives_the_same_whole_numbers(columns):
    """Also where all values are as far from zero as they can be, and where bf16 is asked for."""
    drawn = [
        torch.randint(-128, 128, (5, columns), dtype=torch.int8, generator=torch.Generator().manual_seed(n))
        for n in (0, 1)
    ]
    largest = [torch.full((5, columns), -128, dtype=torch.int8)] * 2
    for rows, weight in (drawn, largest):
        expected = rows.long() @ weight.long().T
        with torch.autocast("cpu", torch.bfloat16):
            found = kernels.multiply_int8(rows, weight, by_floats=True)
        assert torch.equal(found.long(), expected)
        assert torch.equal(kernels.multiply_int8(rows, weight).long(), expected)


def test_more_products_than_fp32_counts_are_not_the_same(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(kernels, "EXACT_COLUMNS", 4096)
    rows = torch.full((1, 4095), 127, dtype=torch.int8)
    rows[0, 0] = 1
    found = kernels.multiply_int8(rows, rows, by_floats=True)
    assert int(found) != int(rows.long() @ rows.long().T)


def test_the_faster_way_is_taken(monkeypatch):
    """Of a clock that says how long each way takes; both are tried several times."""
    for ints, floats in ((2.0, 1.0), (1.0, 2.0)):
        kernels.int8_is_faster_by_floats.cache_clear()
        ways = iter([floats] * kernels.TRIES + [ints] * kernels.TRIES)
        monkeypatch.setattr(kernels, "_seconds_of", lambda work, ways=ways: work() is not None and next(ways))
        assert kernels.int8_is_faster_by_floats() == (floats < ints)
    kernels.int8_is_faster_by_floats.cache_clear()


def test_without_the_kernel_floats_are_taken(monkeypatch):
    kernels.int8_is_faster_by_floats.cache_clear()
    monkeypatch.delattr(torch, "_int_mm")
    assert kernels.int8_is_faster_by_floats()
    kernels.int8_is_faster_by_floats.cache_clear()


def test_a_torch_without_the_int8_kernel_is_told(monkeypatch):
    kernels.require_int8()

    def missing(*_):
        raise RuntimeError("no kernel")

    monkeypatch.setattr(torch, "_int_mm", missing)
    with pytest.raises(RunError, match="int8_weight_only"):
        kernels.require_int8()


def test_fp8_needs_a_device_that_has_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Old GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    with pytest.raises(RunError, match="this machine has Old GPU"):
        kernels.require_fp8()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    kernels.require_fp8()


@pytest.mark.gpu
def test_fp8_on_a_gpu_is_its_emulation():
    torch.manual_seed(0)
    x, weight = (Fp8Rows().quantize(torch.randn(32, 64)) for _ in range(2))
    expected = Fp8Rows.dequantize(x, 64) @ Fp8Rows.dequantize(weight, 64).T
    parts = [t.cuda() for t in (x["weight_fp8"], x["weight_scale"], weight["weight_fp8"], weight["weight_scale"])]
    assert (kernels.multiply_fp8(*parts).float().cpu() - expected).abs().max() < 0.01 * expected.abs().max()


def test_one_column_is_not_left_to_a_kernel_that_gets_it_wrong(monkeypatch):
    """As torch's is on a processor with VNNI; negative control: two columns are."""
    monkeypatch.setattr(torch, "_int_mm", lambda rows, weight: torch.full((len(rows), weight.shape[1]), 7))
    rows, weight = torch.tensor([[3], [-128]], dtype=torch.int8), torch.tensor([[5], [127]], dtype=torch.int8)
    assert kernels.multiply_int8(rows, weight).tolist() == [[15, 381], [-640, -16256]]
    assert kernels.multiply_int8(rows.repeat(1, 2), weight.repeat(1, 2)).tolist() == [[7, 7], [7, 7]]
