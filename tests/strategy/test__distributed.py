import pytest

from accel.strategy._distributed import _is_address
from accel.strategy.ddp import Ddp


def test_processes_of_all_machines_are_counted():
    strategy = Ddp(processes=2, nodes=3)
    assert (strategy.num_processes(), strategy.local_processes()) == (6, 2)


@pytest.mark.parametrize(("text", "found"), [("10.0.0.1:29500", True), ("host", False), ("host:x", False)])
def test_a_meeting_place_has_a_host_and_a_port(text, found):
    assert _is_address(text) is found


def test_with_one_process_it_did_not_act():
    evidence = Ddp().evidence(None, {})
    assert not evidence.acted
    assert evidence.figures == {"world_size": 1}
