import subprocess
import sys

from accel.explanation.method import method_of, names


def test_each_module_has_a_method_of_its_name():
    assert names() == ["integrated_gradients", "occlusion", "rollout"]
    assert [method_of(name).name() for name in names()] == names()


def test_their_names_are_known_without_torch():
    code = "import sys, accel.explanation.method as m; m.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
