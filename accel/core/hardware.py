"""What this machine's processor and GPU are fast at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEVICES = Path("/dev")
CONTROL_GROUP = Path("/sys/fs/cgroup")


def _cpu(line: str) -> str:
    """What the system says of the first processor on the line of this name; empty where it does not."""
    try:
        with open("/proc/cpuinfo", encoding="utf8") as lines:
            return next((text.split(":", 1)[1].strip() for text in lines if text.startswith(line)), "")
    except OSError:
        return ""


def _cpu_flags() -> set[str]:
    """The processor's features; empty where the system does not list them."""
    return set(_cpu("flags").split())


def bf16_fast() -> bool:
    """Whether bf16 products are faster than fp32 here: a GPU of the last years, a CPU with AMX, or AMD's since Zen 4.

    On Intel's processors AVX-512 bf16 without AMX is not enough: 148 GFLOP/s against 263 in fp32 were measured on one.
    AMD's multiply twice as many bf16 numbers in a cycle: 504 GFLOP/s against 112 on one core of an EPYC 9005, and a
    training step of a small encoder took 1.3 s instead of 3.2.
    """
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    flags = _cpu_flags()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and _cpu("vendor_id") == "AuthenticAMD")


def free_memory_bytes(processes: int = 1, held_bytes: int = 0) -> int:
    """What a process may still take: of its GPU, or of the machine and of the control group that it runs in.

    Args:
        processes: on this machine; each has a GPU, or its share. The one with the least counts.
        held_bytes: what each of them holds; this process does already, and the others will.
    """
    import psutil
    import torch

    if torch.cuda.is_available():
        mine = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        others = [n for n in range(min(processes, torch.cuda.device_count())) if n != torch.cuda.current_device()]
        return min([mine, *(free - held_bytes for free in _free_of_gpus(others))])
    limit, used = (_group_bytes(name) for name in ("memory.max", "memory.current"))
    free = psutil.virtual_memory().available
    if limit is not None and used is not None:
        free = min(free, max(0, limit - used + _cached_bytes()))
    return max(0, free - (processes - 1) * held_bytes) // processes


def _free_of_gpus(numbers: list[int]) -> list[int]:
    """Asked by a process of its own: whoever asks takes some memory there until it ends."""
    if not numbers:
        return []
    code = "import sys, torch; print(*(torch.cuda.mem_get_info(int(n))[0] for n in sys.argv[1:]))"
    asked = subprocess.run([sys.executable, "-c", code, *map(str, numbers)], capture_output=True, text=True, check=True)
    return [int(free) for free in asked.stdout.split()]


def _cached_bytes() -> int:
    """Of files that the control group has read, and that the kernel drops where memory is asked for."""
    try:
        lines = (CONTROL_GROUP / "memory.stat").read_text("utf8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)


def _group_bytes(name: str) -> int | None:
    """Of the control group (version 2); None where there is none, or no limit."""
    try:
        return int((CONTROL_GROUP / name).read_text("utf8"))
    except (OSError, ValueError):
        return None


def has_bf16_products() -> bool:
    """Whether the CPU multiplies bf16 matrices by itself: an engine that compiles may gain by it even without AMX."""
    return bool(_cpu_flags() & {"amx_bf16", "avx512_bf16"})


def may_have_gpu() -> bool:
    """Whether there may be an NVIDIA GPU; decided without torch.

    Only Linux lists its devices where anybody may look: other systems get the benefit of the doubt, but for macOS.
    """
    if sys.platform != "linux":
        return sys.platform != "darwin"
    return any(DEVICES.glob("nvidia[0-9]*")) or (DEVICES / "dxg").exists()


def bf16_supported() -> bool:
    """Whether bf16 can be asked for by name; decided without torch.

    A system that does not list its processor's features, or one that may have a GPU, gets the benefit of the doubt.
    """
    flags = _cpu_flags()
    return not flags or bool(flags & {"amx_bf16", "avx512_bf16", "avx512f", "avx2"})
