from types import SimpleNamespace

import pytest

from accel.core import hardware


@pytest.mark.parametrize(
    ("flags", "products", "supported"),
    [
        ({"sse2"}, False, False),
        ({"avx2"}, False, True),
        ({"avx512_bf16"}, True, True),
        ({"amx_bf16"}, True, True),
        (set(), False, True),
    ],
)
def test_what_a_processor_says_decides_without_torch(monkeypatch, flags, products, supported):
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: flags)
    assert hardware.has_bf16_products() is products
    assert hardware.bf16_supported() is supported


def test_a_gpu_is_looked_for_without_torch(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "DEVICES", tmp_path)
    monkeypatch.setattr(hardware.sys, "platform", "linux")
    assert not hardware.may_have_gpu()
    (tmp_path / "nvidia0").touch()
    assert hardware.may_have_gpu()
    monkeypatch.setattr(hardware.sys, "platform", "darwin")
    assert not hardware.may_have_gpu()
    monkeypatch.setattr(hardware.sys, "platform", "win32")
    assert hardware.may_have_gpu()


def test_processes_of_a_machine_share_what_is_free_beside_what_each_of_them_will_hold(monkeypatch):
    import psutil
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(hardware, "_group_bytes", lambda name: None)
    assert hardware.free_memory_bytes() == 1000
    assert hardware.free_memory_bytes(2, 100) == 450  # this one holds its model already
    assert hardware.free_memory_bytes(2, 2000) == 0
    monkeypatch.setattr(hardware, "_group_bytes", {"memory.max": 700, "memory.current": 200}.get)
    monkeypatch.setattr(hardware, "_cached_bytes", lambda: 100)
    assert hardware.free_memory_bytes() == 600


def test_of_several_gpus_the_one_with_the_least_counts(monkeypatch):
    import torch

    free = [900, 500, 10]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 20)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free[0], 1000))

    def answer(words, **kept):
        return SimpleNamespace(stdout=" ".join(str(free[int(number)]) for number in words[3:]) + "\n")

    monkeypatch.setattr(hardware.subprocess, "run", answer)
    assert hardware.free_memory_bytes() == 930
    assert hardware.free_memory_bytes(2, 100) == 400  # nobody has a model on the second one yet; the third is nobody's
    assert hardware.free_memory_bytes(1, 100) == 930
