"""Products with quantized weights: torch's internal CPU and CUDA kernels, the only file that calls them.

Each is probed once; a layer that finds none reads its weights into fp32 and multiplies. Measured on one
core with AVX-512 (ms; 1, 16 and 128 rows times 1536 x 384):

    fp32         0.054  0.26  2.1
    int4 packed  0.037  0.23  1.9
    int8 x int8  0.010  0.06  0.35

so the packed one, which computes in bf16, is for few rows, such as a language model's next token. torch's own for int8
weights (``_weight_int8pack_mm``, 2.13) ends the process with a segmentation fault at some shapes and is not used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from accel.errors import RunError

EXACT_COLUMNS = 1024
"""So many products of two int8 add up to at most 2^24, below which fp32 has every whole number."""
TRIES = 5
FEW_ROWS = 32
"""Up to so many rows a packed kernel beats reading the weights into fp32 first."""
CUDA_MIN_ROWS = 17
"""cuBLAS multiplies int8 matrices of more than 16 rows only."""
FP8_CAPABILITY = (8, 9)
"""The first NVIDIA generation (Ada) that multiplies fp8."""
PACK_K_TILES = 2
"""How int4 weights are interleaved; the CPU kernel takes any value and ignores it."""


def multiply_int8(rows: Tensor, weight: Tensor, *, by_floats: bool = False) -> Tensor:
    """[rows, out_features] of int8 [rows, in_features] and int8 [out_features, in_features]: whole numbers, exactly.

    Args:
        by_floats: multiply in fp32, where every sum of ``EXACT_COLUMNS`` products is exact too; on a CPU.
    """
    count = rows.shape[0]
    one_column = (
        rows.shape[1] == 1
    )  # on processors with VNNI torch's own product of one column (2.13) is not their product
    if (by_floats or one_column) and not rows.is_cuda:
        return _multiply_by_floats(rows, weight)
    if rows.is_cuda and count < CUDA_MIN_ROWS:
        rows = F.pad(rows, (0, 0, 0, CUDA_MIN_ROWS - count))
    return torch._int_mm(rows, weight.t())[:count]


def _multiply_by_floats(rows: Tensor, weight: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):  # in bf16 they would be rounded
        parts = zip(rows.split(EXACT_COLUMNS, 1), weight.split(EXACT_COLUMNS, 1), strict=True)
        sums = [some.float() @ others.float().t() for some, others in parts]
    return sums[0] if len(sums) == 1 else torch.stack([part.to(torch.int32) for part in sums]).sum(0, dtype=torch.int32)


@cache
def int8_is_faster_by_floats() -> bool:
    """Whether this processor multiplies int8 matrices sooner as fp32 ones: without VNNI torch counts one by one.

    Measured on one core of an EPYC with AVX2 (ms, 512 rows times 384 x 1536): int8 218, as floats 9. Both give the
    same numbers, so which one is taken changes no result.
    """
    rows, weight = (torch.ones(64, 256, dtype=torch.int8) for _ in range(2))
    try:
        by_floats, by_ints = (
            min(_seconds_of(lambda way=way: multiply_int8(rows, weight, by_floats=way)) for _ in range(TRIES))
            for way in (True, False)
        )
    except (AttributeError, RuntimeError):  # a torch without the kernel
        return True
    return by_floats < by_ints


def _seconds_of(work: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def require_int8() -> None:
    """Fail clearly when this torch has no int8 matrix product.

    Raises:
        RunError: names the torch version.
    """
    try:
        torch._int_mm(torch.ones(32, 32, dtype=torch.int8), torch.ones(32, 32, dtype=torch.int8))
    except (AttributeError, RuntimeError) as error:
        raise RunError(
            f"torch {torch.__version__} cannot multiply int8 matrices here ({error}): use scheme=int8_weight_only."
        ) from None


def has_fp8() -> bool:
    """Whether this machine's GPU multiplies fp8."""
    return torch.cuda.is_available() and torch.cuda.get_device_capability() >= FP8_CAPABILITY


def require_fp8() -> None:
    """Fail clearly on a device without fp8.

    Raises:
        RunError: says what is there, and what to use.
    """
    if has_fp8():
        return
    found = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    raise RunError(
        f"scheme=fp8 needs a GPU that multiplies fp8 (NVIDIA Ada, Hopper or later), and this machine has {found}: in "
        f"emulation it would be slower than fp32. Use scheme=int8, which is as small and runs on every processor."
    )


def multiply_fp8(rows: Tensor, row_scale: Tensor, weight: Tensor, weight_scale: Tensor) -> Tensor:
    """bf16 [rows, out_features] of fp8 [rows, in_features] and fp8 [out_features, in_features], on CUDA."""
    return torch._scaled_mm(
        rows, weight.t(), scale_a=row_scale, scale_b=weight_scale.reshape(1, -1), out_dtype=torch.bfloat16
    )


class PackedInt4:
    """int4 weights in the layout of torch's CPU kernel, which reads (step - 8) * scale + zero and computes in bf16.

    Made from what is stored, never stored itself: the layout is this processor's business.

    Args:
        steps: uint8 [out_features, in_features] in [0, 15].
        scale: [out_features, groups].
        zero: the step that means zero, [out_features, groups]; None for 8.
    """

    def __init__(self, steps: Tensor, scale: Tensor, zero: Tensor | None) -> None:
        scale = scale.float()
        self.group_size = steps.shape[-1] // scale.shape[-1]
        self.packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(steps.to(torch.int32), PACK_K_TILES)
        offset = torch.zeros_like(scale) if zero is None else (8.0 - zero.float()) * scale
        self.scale_and_zero = torch.stack((scale, offset), dim=-1).transpose(0, 1).contiguous().bfloat16()

    def __call__(self, rows: Tensor) -> Tensor:
        """fp32 [rows, out_features]."""
        product = torch.ops.aten._weight_int4pack_mm_for_cpu(
            rows.bfloat16(), self.packed, self.group_size, self.scale_and_zero
        )
        return product.float()


@cache
def has_packed_int4(group_size: int) -> bool:
    """Whether this torch multiplies packed int4 weights of this group size on the CPU."""
    try:
        PackedInt4(torch.zeros(32, group_size, dtype=torch.uint8), torch.ones(32, 1), None)(torch.zeros(1, group_size))
    except (AttributeError, RuntimeError):
        return False
    return True
