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
