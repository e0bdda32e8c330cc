import dataclasses

import pytest

from accel.dp.mechanism import Mechanism


def test_what_a_run_has_stated_cannot_be_changed():
    mechanism = Mechanism(1.0, 0.5, "flat", 0.1, 25.6, 256, 5, 1e-5, "rdp", None, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        mechanism.steps = 6
