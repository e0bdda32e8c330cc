from datetime import timedelta

from accel.strategy_adapters import ddp_strategy


def test_gives_up_after_the_asked_time():
    assert ddp_strategy(7)._timeout == timedelta(seconds=7)
