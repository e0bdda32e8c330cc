"""What speaks against finding a number by training for a moment."""

from types import SimpleNamespace

import pytest

from accel.trainer._search import objections_to_search


def planned(*, privacy=None, local=False, processes=1, whole=False):
    strategy = SimpleNamespace(
        trains_locally=local, num_processes=lambda: processes, holds_whole_models=whole, option_name=lambda: "mine"
    )
    return SimpleNamespace(privacy=privacy, strategy=strategy)


@pytest.mark.parametrize(
    ("plan", "because"),
    [
        (planned(), []),
        (planned(privacy=SimpleNamespace(key="privacy"), processes=2), ["on the private texts"]),
        (planned(local=True, processes=2), ["stay at the clients"]),
        (planned(processes=2), ["each process holds a part of it"]),
        (planned(processes=2, whole=True), []),
    ],
)
def test_each_plan_has_its_one_reason(plan, because):
    found = list(objections_to_search("trainer.it=null", "trainer.it=1", plan))
    assert [text in objection.because for text, objection in zip(because, found, strict=True)] == [True] * len(because)
    assert all(o.instead.startswith("trainer.it=1") for o in found)
