from accel.core.privacy import Privacy
from accel.core.technique import Stage
from accel.privacy.dpsgd import Dpsgd


def test_it_is_the_last_to_touch_a_gradient_and_must_state_its_guarantee():
    assert Dpsgd.stage is Stage.PRIVATIZE
    assert Privacy.statement.__isabstractmethod__
