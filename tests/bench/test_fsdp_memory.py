"""What one of two processes holds of MiniLM under FSDP2, against a process that trains alone; ``make bench``.

Bytes of the storages themselves, when a step's gradients are complete; half is the floor of two processes.
"""

from tests.bench.two_ranks import on_two_ranks


def test_fsdp_memory():
    found = on_two_ranks("memory_rank.py")
    alone = sum(found["single"].values())
    for strategy, parts in found.items():
        each = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in parts.items())
        print(f"\n{strategy:<7} {sum(parts.values()) / alone:.3f} of one process alone: {each}")
    assert sum(found["ddp"].values()) / alone > 0.95
    assert sum(found["fsdp"].values()) / alone <= 0.55
