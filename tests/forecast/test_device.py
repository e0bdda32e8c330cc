import pytest

from accel.errors import ConfigError
from accel.forecast.device import DEVICES, H100, device_named


def test_a_node_has_one_link_and_many_nodes_another():
    assert H100.link(8) is H100.inner
    assert H100.link(9) is H100.outer
    assert H100.inner.beta_bytes_per_s > H100.outer.beta_bytes_per_s


@pytest.mark.parametrize("name", DEVICES)
def test_every_constant_says_where_it_comes_from(name):
    device = device_named(name)
    assert device.name == name
    assert f"{device.flops_per_s / 1e12:.0f} TFLOP/s" in device.source
    assert f"{device.memory_bytes / 1e9:.0f} GB" in device.source


def test_an_unknown_device_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="--forecast=h10: .* Did you mean 'h100'"):
        device_named("h10")
