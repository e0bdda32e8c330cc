"""Configurations and folders of others, which try to run code: none of it runs, whatever command they are given to."""

import ast
import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import accel
from accel.checkpoint.atomic import AtomicCheckpointIO
from accel.cli import main
from accel.config import build
from accel.config import compose as compose_module
from accel.config.arguments import load_plugins
from accel.config.compose import compose, plain, prepare_hydra
from accel.errors import ConfigError
from accel.plan.decide import assemble
from accel.report.html import write_report
from accel.run.run import Run, make_folder

TARGETS = (
    "os.system",
    "builtins.exec",
    "subprocess.check_call",
    "pathlib.Path.touch",
    "shutil.rmtree",
    "torch.load",
    "numpy.load",
    "pandas.read_pickle",
    "importlib.import_module",
    "hydra.utils.instantiate",
)
EVIL = "{_target_: TARGET, _args_: [touch RAN]}"
PLACES = {
    "callbacks": "++hydra.callbacks={x: EVIL}",
    "callbacks, added": "+hydra.callbacks.x=EVIL",
    "callbacks by interpolation": "++hydra.callbacks='${oc.create:\"{x: EVIL}\"}'",
    "sweeper params": "+hydra.sweeper.params={x: EVIL}",
    "sweeper params, deep": "+hydra.sweeper.params={x: [1,[{a: EVIL}]]}",
    "sweeper params by interpolation": "+hydra.sweeper.params.x='${oc.create:\"EVIL\"}'",
    "sweeper": "hydra.sweeper._target_=TARGET",
    "launcher": "hydra.launcher._target_=TARGET",
    "launcher setup": "hydra.launcher.setup=[EVIL]",
    "launcher parameters": "+hydra.launcher.additional_parameters.x=EVIL",
    "logging handler": "+hydra.job_logging.handlers.x={class: TARGET, command: touch RAN}",
    "logging class": "+hydra.hydra_logging.root.class=TARGET",
    "logging reference": "+hydra.hydra_logging.x=ext://TARGET",
    "a key of its own": "+mine.x=EVIL",
    "inside an option": "+task.x=EVIL",
    "a list inside an option": "+trainer.x=[EVIL]",
}
"""An override for each place that Hydra, or logging, would build something from."""


def cell(place, target, ran="RAN"):
    words = [PLACES[place].replace("EVIL", EVIL).replace("TARGET", target).replace("RAN", ran)]
    return [*(["hydra/launcher=submitit_slurm"] if place.startswith("launcher") else []), *words]


@pytest.mark.fault("X1")
@pytest.mark.parametrize("place", PLACES)
def test_no_target_gets_through_at_any_place(place, monkeypatch):
    """Negative control in the same breath: without the look Hydra composes all of them."""
    look = compose_module.refuse_foreign_code
    monkeypatch.setattr(compose_module, "refuse_foreign_code", lambda config: None)
    composed = OmegaConf.to_yaml(compose(cell(place, "TARGET")))
    assert "TARGET" in composed
    for target in TARGETS:
        with pytest.raises(ConfigError, match="is refused"):
            look(OmegaConf.create(composed.replace("TARGET", target)))


@pytest.mark.fault("X1")
@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["check"], "callbacks"),
        ([], "callbacks"),
        (["--cfg", "job"], "sweeper params by interpolation"),
        (["--info", "config"], "logging handler"),
        (["wandb-sweep"], "launcher setup"),
        (["-m"], "launcher setup"),
    ],
    ids=str,
)
def test_no_command_runs_it(command, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command, *cell(place, "os.system", str(tmp_path / "ran"))]) == 2
    assert "is refused" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


NODES = (
    "callbacks: {x: EVIL}",
    "sweeper: {params: {x: EVIL}}",
    "sweeper: {params: {x: [{a: EVIL}]}}",
    "launcher: {_target_: shutil.copy}",
)


@pytest.fixture
def evil_sweep(tmp_path, monkeypatch):
    """``evil_sweep(node) -> (words of a sweep whose YAML has such a node of Hydra's, the file that it would make)``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["accel", "-m"])
    (tmp_path / "sweep").mkdir()

    def write(node):
        evil = f"{{_target_: shutil.copy, src: {__file__}, dst: {tmp_path / 'ran'}}}"
        text = f"# @package _global_\nhydra:\n  {node.replace('EVIL', evil)}\n"
        (tmp_path / "sweep" / "evil.yaml").write_text(text)
        return ["--config-dir", str(tmp_path), "sweep=evil", "modle=x"], tmp_path / "ran"

    return write


@pytest.mark.fault("X1")
@pytest.mark.parametrize("command", [["-m"], ["check", "-m"], ["check"]], ids=" ".join)
@pytest.mark.parametrize("node", NODES)
def test_a_sweep_of_a_folder_of_yaml_files_runs_nothing(node, command, evil_sweep, capsys):
    words, ran = evil_sweep(node)
    assert main([*command, *words]) == 2
    assert ("is refused" if "-m" in command else "for a sweep") in capsys.readouterr().err
    assert not ran.exists()


@pytest.mark.parametrize("node", NODES[1:3])
def test_hydra_would_have_run_it(node, evil_sweep, monkeypatch):
    """Negative control: without the look a sweep makes the file."""
    for module in ("accel.config.compose", "accel.sweep.entry"):
        monkeypatch.setattr(f"{module}.refuse_foreign_code", lambda config: None)
    words, ran = evil_sweep(node)
    with contextlib.suppress(AttributeError, TypeError):
        main(["-m", *words])
    assert ran.exists()


@pytest.mark.parametrize("words", ["[pkg://evil]", "['pkg://evil']", "[file:///tmp,pkg://evil]", r"[pkg\://evil]"])
def test_a_search_path_names_no_package(words, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="Give folders"):
        compose([f"hydra.searchpath={words}"])
    compose([f"hydra.searchpath=['file://{tmp_path}']"])


@pytest.mark.parametrize("flag", ["--experimental-rerun=x.pickle", "--experimental-r=x", "--config-path=x", "-cn=x"])
def test_no_flag_takes_the_configuration_of_another_program(flag, capsys):
    assert main(["--cfg", "job", flag]) == 2
    assert "is refused" in capsys.readouterr().err


def test_what_accel_ships_is_let_through():
    """Negative control: not everything is refused."""
    for launcher in ("accel", "submitit_slurm", "ray"):
        compose([f"hydra/launcher={launcher}", "sweep=frontier", "compression=[prune,qat,distill]"])
    build.refuse_foreign_code(OmegaConf.create({"task": {"_target_": "build.decides"}}))


def test_hydra_finds_no_plugins_but_accels(tmp_path, monkeypatch):
    (tmp_path / "hydra_plugins").mkdir()
    (tmp_path / "hydra_plugins" / "x.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hydra_plugins", raising=False)
    prepare_hydra([])
    found = [Path(entry) for entry in sys.modules["hydra_plugins"].__path__]
    assert [(entry / "accel_sweep").is_dir() for entry in found] == [True]


def test_the_current_folder_is_no_import_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    monkeypatch.setattr(sys, "path", list(before))
    load_plugins([])
    assert sys.path == before
    (tmp_path / "my_options.py").write_text("")
    load_plugins(["my_options"])
    assert sys.path == [*before, str(tmp_path)]


HOSTILE = (
    "omegaconf.py",
    "yaml.py",
    "rich.py",
    "hydra_plugins/x.py",
    "antlr4.py",
    "dataclasses.py",
    "typing.py",
    "re.py",
)


@pytest.mark.fault("X3")
@pytest.mark.parametrize(
    ("words", "names", "path"),
    [(["check"], HOSTILE, None), (["--cfg", "job"], HOSTILE[:5], os.pathsep + str(Path(__file__).parent))],
    ids=["check", "--cfg with an empty part in PYTHONPATH"],
)
def test_a_command_typed_in_a_hostile_folder_runs_nothing_of_it(words, names, path, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    environment |= {"PYTHONPATH": path} if path else {}
    command = [sys.executable, "-m", "accel", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert done.returncode == 0, done.stderr


def test_python_itself_looks_there(tmp_path):
    """Negative control: without accel's first lines the folder counts."""
    (tmp_path / "yaml.py").write_text("open('ran', 'w')")
    subprocess.run([sys.executable, "-c", "import yaml"], cwd=tmp_path, check=True)
    assert (tmp_path / "ran").exists()


RUN_CODE = {
    "pickle": {"load", "loads", "Unpickler"},
    "cloudpickle": {"load", "loads"},
    "joblib": {"load"},
    "dill": {"load", "loads"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
    "pandas": {"read_pickle"},
    "torch.export": {"load"},
    "export": {"load"},
    "yaml": {"load_all", "unsafe_load", "full_load"},
}
"""Calls that may run what the file holds, by the name before the last dot."""


def unsafe_loads(source):
    """Lines of calls that load more than values."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        base, _, name = ast.unparse(call.func).rpartition(".")
        told = {k.arg: ast.unparse(k.value) for k in call.keywords}
        if (
            name in RUN_CODE.get(base, ())
            or (base, name, told.get("weights_only", "False")) == ("torch", "load", "False")
            or ((base, name) == ("yaml", "load") and "SafeLoader" not in source)
            or told.get("weights_only") in ("False", "None")
            or told.get("trust_remote_code", "False") != "False"
            or told.get("allow_pickle", "False") != "False"
        ):
            yield call.lineno


@pytest.mark.fault("X2")
def test_no_source_loads_more_than_values():
    """No pickle on any way that loads, nor anything that falls back to one."""
    sources = {file: file.read_text("utf8") for file in Path(accel.__file__).parent.rglob("*.py")}
    assert {str(file): found for file, text in sources.items() if (found := list(unsafe_loads(text)))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "numpy.load(f, allow_pickle=True)",
        "pickle.load(f)",
        "torch.export.load(f)",
        "yaml.load(f, Loader)",
        "fit(x, weights_only=None)",
        "AutoModel.from_pretrained(f, trust_remote_code=given)",
    ],
)
def test_the_look_at_the_sources_sees_what_would(line):
    assert list(unsafe_loads(line)) == [1]


@pytest.mark.fault("X2")
def test_a_checkpoint_is_read_as_values_whatever_is_asked(tmp_path):
    """Lightning's default would depend on where the file is."""
    file = tmp_path / "last.ckpt"
    torch.save(Ran(tmp_path / "RAN"), file)
    for asked in (None, False, True):
        with pytest.raises(pickle.UnpicklingError):
            AtomicCheckpointIO().load_checkpoint(file, weights_only=asked)
    assert not (tmp_path / "RAN").exists()
    torch.load(file, weights_only=False)  # negative control
    assert (tmp_path / "RAN").exists()


class Ran:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


OUTSIDE = ["../evil", "../../evil", "..\\evil", "a/../../evil", "~/evil", "./../evil", "..", "%2e%2e/evil"]


@pytest.mark.fault("X4")
@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("key", ["name", "group", "tracker.project"])
def test_no_name_leads_out_of_the_folder(key, name, tmp_path):
    """Whatever a run is called, its folder is where it writes."""
    place = tmp_path / "deep" / "deeper"
    place.mkdir(parents=True)
    config = compose(["model=tiny_bert", "engines=[eager]", f"{key}='{name}'"])
    run = Run(assemble(config), plain(config), make_folder(place / "run"), [f"{key}={name}"])
    run._prepare_folder()
    write_report(run.folder)
    (page,) = [run.folder / "report.html"]
    assert page.is_file()
    assert {p for p in tmp_path.rglob("*") if p.is_file() and run.folder not in p.parents} == set()
