import numpy as np
import pytest
import torch

from accel.ops.quantize.grids import (
    BY_NAME,
    Fp8Rows,
    Int4Groups,
    Int8Rows,
    dequantize,
    pack,
    unpack,
    weight_name,
)

GRIDS = [Int8Rows(), Int4Groups(32), Int4Groups(64, symmetric=False), Fp8Rows()]


@pytest.mark.parametrize("columns", [64, 100, 7])
@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_round_is_what_is_stored(grid, columns):
    x = torch.randn(20, columns, generator=torch.Generator().manual_seed(0)) * 0.1
    stored = grid.quantize(x)
    assert torch.equal(grid.round(x), dequantize(stored, columns))
    assert BY_NAME[weight_name(stored)] is type(grid)


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_what_is_on_the_grid_stays_and_zeros_stay_zeros(grid):
    x = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    x[:, 5], x[3] = 0, 0
    once = grid.round(x)
    assert (
        grid.round(once) - once
    ).abs().max() <= 0.5 / 127 * once.abs().max()  # int8 clips its largest by half a step
    assert once[:, 5].abs().max() == 0
    assert once[3].abs().max() == 0


def naive_int4(row, size):
    """Symmetric int4 with the largest magnitude at -8, one value after the other."""
    out = []
    for start in range(0, len(row), size):
        group = row[start : start + size]
        scale = np.float32(np.float16(max(group, key=abs) / -8))
        out += [np.clip(np.rint(v / scale), -8, 7) * scale for v in group]
    return np.array(out, dtype=np.float32)


def test_int4_is_its_definition():
    x = torch.randn(6, 100, generator=torch.Generator().manual_seed(1))
    expected = np.stack([naive_int4(row, 32) for row in x.numpy()])
    assert torch.equal(Int4Groups(32).round(x), torch.from_numpy(expected))


def test_a_zero_that_is_placed_fits_one_sided_groups_better():
    x = torch.rand(50, 128, generator=torch.Generator().manual_seed(0)) + 0.2
    errors = [(Int4Groups(32, symmetric).round(x) - x).square().mean() for symmetric in (True, False)]
    assert errors[1] < 0.5 * errors[0]


def test_smaller_groups_are_more_exact():
    x = torch.randn(50, 512, generator=torch.Generator().manual_seed(0))
    errors = [float((Int4Groups(size).round(x) - x).square().mean()) for size in (32, 64, 128)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_bytes_are_those_of_the_stored_tensors(grid):
    stored = grid.quantize(torch.randn(30, 256))
    size = sum(t.numel() * t.element_size() for t in stored.values())
    assert size == 30 * (256 * grid.bytes_per_weight + grid.bytes_per_row)


def test_two_steps_in_a_byte():
    steps = torch.randint(0, 16, (5, 9), dtype=torch.uint8)
    assert pack(steps).shape == (5, 5)
    assert torch.equal(unpack(pack(steps))[:, :9], steps)
    assert pack(torch.tensor([[1, 2]], dtype=torch.uint8)).item() == 0x21  # the order of onnxruntime and ggml


def test_masked_columns_take_no_place_in_a_group():
    x = torch.randn(4, 96, generator=torch.Generator().manual_seed(0))
    keep = torch.arange(96) % 3 != 0
    found = Int4Groups(32).round_columns(x, keep)
    assert torch.equal(found[:, keep], Int4Groups(32).round(x[:, keep]))
    assert found[:, ~keep].abs().max() == 0
