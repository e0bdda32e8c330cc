""""""

from __future__ import annotations

from accel.config.compose import compose
from accel.core.plan import digest
from accel.plan.decide import decide


def test_description_lists_stages_in_order():
    text = decide(compose(["compression=[distill,qat,prune]"])).describe()
    assert text.index("REMOVE") < text.index("QUANTIZE") < text.index("DISTILL") < text.index("DISTRIBUTE")
    assert "trained first, or reused" in text


def test_digest_is_of_content():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
