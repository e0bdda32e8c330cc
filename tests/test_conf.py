"""conf/ <-> classes <-> keys <-> tests is a bijection; this walks it."""

import inspect
import re
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from accel.config.compose import compose, conf_dir
from accel.core.groups import BASES, list_groups
from accel.core.metric import OF_ENTITIES, OF_LANGUAGE
from accel.core.option import Option
from accel.docs.topics import card_of

ROOT = Path(__file__).parent.parent
FILES = sorted(f for g in BASES for f in (conf_dir() / g).glob("*.yaml") if f.stem != "none")
CARD = ("What it does:", "Use it when:", "What it costs:", "Composes with:", "Off switch:", "Reference:")


def node_of(file):
    node = OmegaConf.load(file)
    return node[file.stem] if file.parent.name in list_groups() else node


def class_of(file):
    module, _, name = node_of(file)["_target_"].rpartition(".")
    return getattr(import_module(module), name)


def is_preset(file):
    """Whether the file has the class of another one, with settings of its own."""
    return node_of(file)["_target_"].split(".")[-2] != file.stem


def test_a_preset_says_something_of_its_own():
    presets = [file for file in FILES if is_preset(file)]
    assert len(presets) >= 6
    for file in presets:
        default = {f.name: f.default for f in fields(class_of(file))}
        assert any(node_of(file)[name] != value for name, value in default.items()), file


def test_there_are_as_many_options_as_files():
    assert len(FILES) >= 22
    assert len(FILES) == sum(1 for g in BASES for _ in (ROOT / "conf" / g).iterdir() if _.stem != "none")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_option_file_class_and_keys_agree(file):
    cls, node = class_of(file), node_of(file)
    pascal = "".join(part.capitalize() for part in cls.__module__.rsplit(".", 1)[1].split("_"))
    assert node["_target_"] == f"accel.{file.parent.name}.{cls.__module__.rsplit('.', 1)[1]}.{pascal}"
    assert {k for k in node if k != "_target_"} == {f.name for f in fields(cls)}
    assert cls.group == file.parent.name


@pytest.mark.parametrize("file", [f for f in FILES if not is_preset(f)], ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_yaml_defaults_are_the_class_defaults(file):
    node, cls = node_of(file), class_of(file)
    for name, field in {f.name: f for f in fields(cls)}.items():
        if OmegaConf.is_missing(node, name):
            continue
        default = field.default if field.default_factory is MISSING else field.default_factory()
        assert node[name] == getattr(default, "name", default), name


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_option_has_a_card_and_a_test_file(file):
    card = card_of(file)
    for heading in CARD:
        assert heading in card, heading
    assert any(line.strip().startswith("accel ") for line in card.splitlines())
    assert is_preset(file) or (ROOT / "tests" / file.parent.name / f"test_{file.stem}.py").is_file()


@pytest.mark.parametrize("group", BASES)
def test_every_class_has_its_file(group):
    for source in (ROOT / "accel" / group).glob("*.py"):
        if source.stem.startswith("_"):  # the group itself, or a helper of its options
            continue
        module = import_module(f"accel.{group}.{source.stem}")
        own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
        options = [c for c in own if issubclass(c, Option)]
        assert len(options) == 1, f"{source} defines {options}"
        assert (conf_dir() / group / f"{source.stem}.yaml").is_file()


def quality_told(measured, metrics):
    """The last figure of the first of these metrics that a card names; None where it names none."""
    titles = "|".join(re.escape(metric.title) for metric in metrics)
    found = re.search(rf"\b(?:{titles})(?: [\d.]+ ->)? (\d+\.\d+)", measured)
    return found and found[1]


def test_the_quality_of_a_card_is_one_of_its_objective_s_own_metrics():
    assert quality_told("entity F1 0.91 -> 0.90, 0.5 MB", OF_ENTITIES) == "0.90"
    assert quality_told("perplexity 41.2 -> 45.1, 0.5 MB", OF_LANGUAGE) == "45.1"
    assert quality_told("accuracy 0.91 -> 0.90, 0.5 MB", OF_ENTITIES) is None


@pytest.mark.parametrize("file", sorted((conf_dir() / "experiment").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_experiment_has_a_card_with_what_it_measured(file):
    """The figure of quality that the card states stands in the README or in the page of results too, with what it is beside."""
    from accel.plan.decide import decide

    card = [line for line in file.read_text("utf8").splitlines() if line.startswith("# ")]
    measured = " ".join(line.removeprefix("# ") for line in card).partition("Measured (")[2]
    figures = re.findall(r"\d+\.\d+", measured)
    assert len(figures) >= 3
    told = (ROOT / "README.md").read_text("utf8") + (ROOT / "accel" / "docs" / "results.md").read_text("utf8")
    quality = quality_told(measured, decide(compose([f"experiment={file.stem}"])).task.metrics())
    assert quality is not None
    assert quality in told


@pytest.mark.parametrize("file", sorted((conf_dir() / "experiment").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_experiment_composes_to_a_plan_that_works(file):
    from accel.plan.decide import decide

    assert decide(compose([f"experiment={file.stem}"])).options


@pytest.mark.parametrize("file", sorted((conf_dir() / "preset").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_preset_is_a_plan_and_what_is_typed_beside_it_is_stronger(file):
    from accel.plan.decide import decide

    words = [f"preset={file.stem}", "model=tiny_bert", "trainer.learning_rate=3e-3"]
    plan = decide(compose(words))
    assert plan.choices()["model"] == "tiny_bert"
    assert plan.trainer.learning_rate == 3e-3  # type: ignore[attr-defined]


def test_every_accel_file_has_the_test_that_mirrors_it():
    missing = [
        str(source.relative_to(ROOT))
        for source in (ROOT / "accel").rglob("*.py")
        if source.name not in ("__init__.py", "__main__.py")
        and "plugins" not in source.parts
        and not (ROOT / "tests" / source.relative_to(ROOT / "accel").with_name(f"test_{source.name}")).is_file()
    ]
    assert not missing
