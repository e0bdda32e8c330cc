import sys

import pytest
from omegaconf import OmegaConf

from accel.compression.prune import Prune
from accel.config.build import build, resolve
from accel.core.compression import Compression
from accel.core.model import Model
from accel.core.task import Task
from accel.core.tuning import Tuning
from accel.errors import ConfigError
from accel.model.hub import Hub

HOSTILE = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "accel.compression.prune.os.system",
    "accel.compression.prune.annotations",
    "accel.compression.prune.Compression",
    "accel.compression.prune.Stage",
    "accel.compression.prune.SUPPORTED_FAMILIES",
    "accel.core.compression.Compression",
    "accel.compression.__init__.Compression",
    "accel.compression..prune.Prune",
    "accel.compression.prune.Prune.export",
    "accel.cli.main",
    "accel.model.local.Local",
    "accel.compression._gradual.Gradual",
    "accel.tuning.lora.Lora",
    "accel.compression.nothing.Nothing",
    "accel.compression.../../evil.Evil",
    "logging.os.system",
    "functools.partial",
    "pathlib.Path.unlink",
    "torch.load",
    "numpy.load",
    "hydra.utils.call",
    "importlib.import_module",
    "Prune",
    "",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_only_an_option_of_the_group_is_built(target):
    before = set(sys.modules)
    with pytest.raises(ConfigError):
        build(OmegaConf.create({"_target_": target}), Compression, "compression.x")
    assert not {m for m in set(sys.modules) - before if not m.startswith(("accel.", "omegaconf"))}


def test_the_real_one_is_built():
    """Negative control: the check does not refuse everything."""
    node = OmegaConf.create({"_target_": "accel.compression.prune.Prune", "sparsity": 0.25})
    assert build(node, Compression, "compression.prune") == Prune(sparsity=0.25)


def test_a_plugin_must_be_named(tmp_path, monkeypatch):
    (tmp_path / "my_plugin.py").write_text(
        "from dataclasses import dataclass\n"
        "from accel.core.compression import Compression\n"
        "from accel.core.technique import Stage\n"
        "@dataclass(kw_only=True)\n"
        "class Mine(Compression):\n"
        "    stage = Stage.SPARSIFY\n"
        "    amount: int = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    node = OmegaConf.create({"_target_": "my_plugin.Mine", "amount": 4})
    with pytest.raises(ConfigError, match="--plugin my_plugin"):
        build(node, Compression, "compression.mine")
    assert build(node, Compression, "compression.mine", ["my_plugin"]).amount == 4


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"sparsty": 0.5}, "compression.prune.sparsty does not exist. Did you mean 'sparsity'"),
        ({"sparsity": "abc"}, "compression.prune.sparsity: Value 'abc'"),
        ({"every_steps": 1.5}, "compression.prune.every_steps"),
    ],
)
def test_wrong_keys_and_types_are_named_whole(values, text):
    node = OmegaConf.create({"_target_": "accel.compression.prune.Prune", **values})
    with pytest.raises(ConfigError, match=text):
        build(node, Compression, "compression.prune")


def test_a_missing_value_is_asked_for():
    node = OmegaConf.create({"_target_": "accel.model.local.Local", "path": "???"})
    with pytest.raises(ConfigError, match="model.path must be given"):
        build(node, Model, "model")


def test_resolve_wants_the_groups_own_class():
    assert resolve("accel.compression.prune.Prune", Compression, "c") is Prune


def test_a_class_that_lacks_what_its_group_needs_is_refused_by_name(tmp_path, monkeypatch):
    source = "from dataclasses import dataclass\nfrom accel.core.task import Task\n\n@dataclass(kw_only=True)\nclass Half(Task):\n    pass\n"
    (tmp_path / "half_task.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="does not define load, max_tokens"):
        build(OmegaConf.create({"_target_": "half_task.Half"}), Task, "task", ["half_task"])


def test_an_option_is_called_as_its_file():
    node = OmegaConf.create({"_target_": "accel.tuning.full.Full"})
    assert build(node, Tuning, "tuning").option_name() == "full"
    assert build(node, Tuning, "tuning", name="whole").option_name() == "whole"


def test_a_class_that_a_module_only_imported_is_refused(tmp_path, monkeypatch):
    """Who names a module trusts what that module says itself, not all that it has looked at."""
    (tmp_path / "borrows.py").write_text("from accel.compression.prune import Prune\n")
    monkeypatch.syspath_prepend(tmp_path)
    for target, base, plugins in (
        ("borrows.Prune", Compression, ["borrows"]),
        ("accel.model.local.Hub", Model, []),
        ("accel.model._tiny.TinyBert", Model, []),
    ):
        monkeypatch.setattr("accel.model.local.Hub", Hub, raising=False)
        with pytest.raises(ConfigError, match="defines itself|live in accel"):
            build(OmegaConf.create({"_target_": target}), base, "x", plugins)
