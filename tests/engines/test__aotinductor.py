import json
import zipfile

import pytest
import torch

from accel.engines import _aotinductor
from accel.engines._aotinductor import INSTRUCTIONS, TORCH, why_not


@pytest.mark.parametrize(
    ("made_for", "reason"),
    [
        ({TORCH: torch.__version__, INSTRUCTIONS: "AVX512"}, None),
        ({TORCH: "1.0", INSTRUCTIONS: "AVX512"}, "compiled with torch 1.0"),
        ({INSTRUCTIONS: "AVX512"}, "compiled with torch None"),
        ({TORCH: torch.__version__, INSTRUCTIONS: "AVX2"}, "for a processor with AVX2, and this one has AVX512"),
    ],
)
def test_a_package_for_another_machine_is_known_without_loading_it(tmp_path, monkeypatch, made_for, reason):
    monkeypatch.setattr(_aotinductor, "_instructions", lambda: "AVX512")
    file = tmp_path / "m.pt2"
    with zipfile.ZipFile(file, "w") as package:
        facts = json.dumps({"AOTI_DEVICE_KEY": "cpu", **made_for})
        for name, content in (("w.wrapper.cpp", ""), ("w.wrapper_metadata.json", facts), ("w.wrapper.so", "")):
            package.writestr(f"m/data/aotinductor/model/{name}", content)
    found = why_not(file)
    assert found is None if reason is None else reason in found
