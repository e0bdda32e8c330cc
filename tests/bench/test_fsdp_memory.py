"""What one of two processes holds of MiniLM under FSDP2, against a process that trains alone; ``make bench``.

Bytes of the storages themselves, when a step's gradients are complete; half is the floor of two processes.
"""

from tests.bench.two_ranks import on_two_ranks


def test_fsdp_memory(figures):
    found = on_two_ranks("memory_rank.py")
    alone = sum(found["single"].values())
    for strategy, parts in found.items():
        for name, size in parts.items():
            figures.value(f"{strategy}, {name}", size / 2**20, "MiB")
        least = 0.5 if strategy == "fsdp" else 1
        figures.value(f"{strategy}, of one process alone", sum(parts.values()) / alone, "", roof=least)
    assert sum(found["ddp"].values()) / alone > 0.95
    assert sum(found["fsdp"].values()) / alone <= 0.55
