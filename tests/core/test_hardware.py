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
