from types import SimpleNamespace

import pytest

from accel.callbacks.tell_head import TellHead
from accel.core.console import Console


@pytest.mark.parametrize("missing", [(), ("cls.predictions.bias", "cls.predictions.transform.dense.weight")])
def test_a_new_head_is_said_and_one_that_was_there_is_not(missing, capsys):
    module = SimpleNamespace(new_head=missing, objective=SimpleNamespace(name="masked language modelling"))
    TellHead(Console(None)).on_fit_start(None, module)
    said = capsys.readouterr().out
    assert ("no head for masked language modelling" in " ".join(said.split())) == bool(missing)
    assert ("2 tensors" in said) == bool(missing)
