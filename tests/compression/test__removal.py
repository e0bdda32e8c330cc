from accel.compression._removal import Start
from accel.compression.layers import Layers
from accel.compression.prune import Prune


def test_where_removal_begins_decides_what_it_needs_and_sees():
    for option in (Prune(), Layers()):
        assert option.needs_baseline
        assert option.starts_from_baseline
    for start, blind in ((Start.baseline, False), (Start.pretrained, True)):
        assert Layers(start=start).sees_no_private_example is blind
        assert Layers(start=start).needs_baseline is not blind
