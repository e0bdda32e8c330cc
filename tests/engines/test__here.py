import pytest

from accel.engines import _here
from accel.engines._here import why_not_here


@pytest.mark.parametrize(
    ("engine", "lack", "text"),
    [
        ("openvino", ("find_spec", lambda name: None), "pip install 'accel[openvino]'"),
        ("inductor", ("has_compiler", lambda: False), "C++ compiler"),
        ("cuda", ("may_have_gpu", lambda: False), "NVIDIA GPU"),
    ],
)
def test_what_is_missing_is_named_and_what_is_there_is_not(monkeypatch, engine, lack, text):
    name, nothing = lack
    monkeypatch.setattr(_here, name, nothing)
    assert text in why_not_here(engine)
    monkeypatch.setattr(_here, name, lambda *names: True)
    assert why_not_here(engine) == ""


def test_an_engine_that_needs_nothing_is_there():
    assert why_not_here("eager") == ""
