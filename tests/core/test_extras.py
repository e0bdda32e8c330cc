"""What an extra is called, and how it is installed here: by the very words that messages print."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from accel.cli import main
from accel.core import extras
from accel.core.extras import DISTRIBUTION, install_words, needs
from accel.errors import ConfigError
from accel.model.smollm2 import Smollm2
from accel.weights import packaged

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
FOR_US = {"dev", "docs"}
"""Extras that no option needs."""


def own_calls(name):
    """The constant arguments of every call of a function in accel's sources."""
    for file in (ROOT / "accel").rglob("*.py"):
        if f"{name}(" not in (text := file.read_text("utf8")):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield [argument.value for argument in node.args if isinstance(argument, ast.Constant)]


NEEDED = sorted({(module, extra) for module, extra, *_ in own_calls("needs")})
NAMED = sorted({extra for _, extra in NEEDED} | {words[0] for words in own_calls("install_words") if words})


def test_the_name_is_that_of_the_distribution():
    assert PROJECT["name"] == DISTRIBUTION


def test_every_extra_is_named_by_a_message():
    assert {*NAMED} == {*PROJECT["optional-dependencies"]} - FOR_US


@cache
def installed():
    """By module: every package's own list of files is read for it."""
    return packages_distributions()


@pytest.mark.parametrize(("module", "extra"), NEEDED)
def test_an_extra_brings_the_module_that_needs_it(module, extra):
    brought = {canonicalize_name(Requirement(line).name) for line in PROJECT["optional-dependencies"][extra]}
    assert brought & {canonicalize_name(name) for name in installed().get(module, [module])}


STRANGER = re.compile(r"\baccel\[")
"""What would install a registry's other project."""


def test_no_page_message_or_option_says_to_install_a_stranger():
    folders = [*(ROOT / "accel").rglob("*"), *(ROOT / "conf").rglob("*.yaml"), ROOT / "README.md"]
    files = [file for file in folders if file.suffix in {".py", ".md", ".yaml"}]
    assert not [file for file in files if STRANGER.search(file.read_text("utf8"))]
    assert STRANGER.search("pip install 'accel[ray]'")


def test_in_a_checkout_it_is_installed_from_there(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert install_words("ray").endswith("install -e '.[ray]'")
    monkeypatch.chdir(tmp_path)
    assert shlex.split(install_words("ray"))[-2:] == ["-e", f"{ROOT}[ray]"]


def test_elsewhere_by_the_name_of_the_distribution(monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "SOURCE", tmp_path)
    assert install_words("ray").endswith("install 'accel-finetune[ray]'")


def test_pip_is_the_one_of_this_python(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert shlex.split(install_words("ray"))[:3] == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(extras.shutil, "which", lambda name: str(tmp_path / "bin" / name))
    assert shlex.split(install_words("ray"))[:2] == ["pip", "install"]


def test_what_is_there_is_not_refused():
    needs("json", "search", "a search")
    with pytest.raises(ConfigError, match=r"^a search needs the package no-such-module, which is not installed\."):
        needs("no_such_module", "search", "a search")


COMMANDS = [
    ("optuna", "search", ["-m", "sweep=auto", "model=tiny_bert"]),
    ("optuna", "search", ["check", "-m", "sweep=auto"]),
    ("optuna", "search", ["wandb-sweep", "sweep=frontier"]),
    ("opacus", "privacy", ["check", "privacy=dpsgd"]),
    ("scipy", "privacy", ["check", "privacy=dpsgd"]),
    ("cryptography", "privacy", ["check", "privacy=dpsgd"]),
    ("openvino", "openvino", ["check", "engines=[openvino]"]),
    ("tensorboard", "tensorboard", ["tracker=tensorboard", "model=tiny_bert"]),
    ("submitit", "slurm", ["-m", "hydra/launcher=submitit_slurm", "seed=0,1", "model=tiny_bert"]),
    ("ray", "ray", ["-m", "hydra/launcher=ray", "seed=0,1", "model=tiny_bert"]),
]


@pytest.mark.parametrize(("module", "extra", "words"), COMMANDS)
def test_a_command_without_its_extra_is_refused_with_the_words(module, extra, words, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys, "argv", ["accel", *words])
    assert main(words) == 2
    said = capsys.readouterr()
    assert install_words(extra) in said.out + said.err
    assert "Traceback" not in said.out + said.err


def test_the_reader_of_a_packaged_model_is_refused_alike(monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: tmp_path))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ConfigError, match=re.escape(install_words("gguf"))):
        Smollm2().check()


RESOLVE = ("--no-deps", "--dry-run", "--no-build-isolation", "--ignore-installed", "--quiet", "--report", "-")


def would_install(words, **environment):
    """(distribution, extras that were asked for, extras that it has), as pip resolves the words."""
    words = shlex.split(words)
    command = [sys.executable, "-m", "pip", *words[words.index("install") :], *RESOLVE]
    settings = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["install"]
    return found["metadata"]["name"], {*found["requested_extras"]}, {*found["metadata"]["provides_extra"]}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.mark.slow
@pytest.mark.parametrize("from_checkout", [True, False])
def test_pip_understands_the_words(from_checkout, wheels, tmp_path, monkeypatch):
    """All extras at once: the words for one are the same but for its name."""
    if not from_checkout:
        monkeypatch.setattr(extras, "SOURCE", tmp_path)
    words = install_words(",".join(NAMED))
    assert {install_words(extra).replace(f"[{extra}]", f"[{','.join(NAMED)}]") for extra in NAMED} == {words}
    name, asked, provided = would_install(words, **wheels)
    assert name == DISTRIBUTION
    assert asked == {*NAMED} <= provided


@pytest.mark.slow
def test_an_extra_that_is_none_would_be_seen(wheels):
    _, asked, provided = would_install(install_words("no-such-extra"), **wheels)
    assert not asked <= provided
