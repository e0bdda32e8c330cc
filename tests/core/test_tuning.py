from accel.core.tuning import Adapter
from accel.tuning.bitfit import Bitfit
from accel.tuning.full import Full
from accel.tuning.lora import Lora


def test_the_share_that_learns_is_all_or_next_to_nothing_by_default():
    assert (Full().trained_share(None), Bitfit().trained_share(None)) == (1.0, 0.0)


def test_an_adapter_reads_what_the_weight_reads_unless_it_says_otherwise():
    assert Adapter().input_dropout == Lora().input_dropout == 0
    assert Lora(dropout=0.2).input_dropout == 0.2
