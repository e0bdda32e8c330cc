import subprocess
import sys
from dataclasses import fields

from accel.compression.distill import WEIGHTS, Distill
from accel.ops.distill.terms import Terms


def test_the_option_has_the_settings_of_its_terms_and_a_teacher():
    assert {f.name for f in fields(Distill)} - {f.name for f in fields(Terms)} == {"teacher"}
    assert set(WEIGHTS) <= {f.name for f in fields(Terms)}


def test_the_terms_are_declared_without_torch():
    code = "import sys, accel.ops.distill.terms; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
