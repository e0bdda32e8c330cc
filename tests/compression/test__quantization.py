import pytest

from accel.compression._quantization import FullPrecisionOf
from accel.compression.ptq import Ptq
from accel.compression.qat import Qat
from accel.config.compose import compose
from accel.errors import PlanError
from accel.plan.decide import decide


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("group_size=48", "kernels support no others"),
        ("embedding_bits=2", "must be one of"),
        ("full_precision=1", "it is a share"),
    ],
)
@pytest.mark.parametrize("option", ["qat", "ptq"])
def test_every_quantization_objects_to_what_kernels_do_not_have(option, word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([f"compression=[{option}]", f"compression.{option}.{word}"]))


def test_layers_are_timed_only_where_time_is_what_full_precision_costs():
    assert not Qat(full_precision_of=FullPrecisionOf.latency).times_layers
    assert not Ptq(full_precision=0.1).times_layers
    assert Ptq(full_precision=0.1, full_precision_of=FullPrecisionOf.latency).times_layers
