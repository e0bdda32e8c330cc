"""What a plan needs of its machine is looked at without torch: files, packages, devices."""

import json
import shutil
from types import SimpleNamespace

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from accel.config.compose import compose, conf_dir, options_of
from accel.errors import RefusedError
from accel.plan import inputs
from accel.plan.decide import assemble, decide, objections_to
from accel.plan.inputs import look


def plan(csv_file, *words):
    common = ["task=text_classification", f"task.train={csv_file}", "model=tiny_bert", "tracker=none"]
    return decide(compose([*common, *words]))


@pytest.fixture
def folder(tmp_path):
    from accel.model.minilm import Minilm

    shutil.copytree(Minilm().folder(), tmp_path / "model")
    return tmp_path / "model"


def test_what_was_found_is_said(tiny_csv):
    first, *_ = look(plan(tiny_csv))
    assert first.startswith("Data: ")
    assert "train" in first
    assert "labels" in first


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["task.train=nowhere.csv"], "there is no such file"),
        (["task.label=lable"], "has no column 'lable'"),
        (["trainer.batch_size=5000", "trainer.batch_tokens=null"], "needs 5000 training examples"),
        (["model=local", "model.path=nowhere"], "there is no such folder"),
        (["compression=[distill]", "compression.distill.teacher=nowhere"], "nowhere"),
        (["compression=[vocabulary]", "compression.vocabulary.public_text=nowhere"], "neither a file nor a task"),
        (["engines=[cuda]"], "No engine of the run.*engines=.cuda.*needs an NVIDIA GPU.*engines=.eager"),
        (["compression=[qat]", "compression.qat.scheme=fp8"], "needs an NVIDIA GPU, and this machine has none"),
    ],
)
def test_what_is_not_there_is_refused(tiny_csv, monkeypatch, words, text):
    monkeypatch.setattr("accel.plan.inputs.may_have_gpu", lambda: False)
    monkeypatch.setattr("accel.engines.cuda.may_have_gpu", lambda: False)
    with pytest.raises(RefusedError, match=text):
        look(plan(tiny_csv, *words))


def test_a_package_that_is_missing_is_refused_with_the_words_that_install_it(tiny_csv, monkeypatch):
    monkeypatch.setattr("accel.core.extras.find_spec", lambda name: None)
    with pytest.raises(RefusedError, match=r"\[tensorboard\]"):
        look(plan(tiny_csv, "tracker=tensorboard"))


def test_an_engine_that_is_missing_beside_others_is_left_out_and_named(tiny_csv, monkeypatch):
    monkeypatch.setattr("accel.engines.openvino.is_installed", lambda name: False)
    (*_, said) = look(plan(tiny_csv, "engines=[eager,openvino]"))
    assert "engines=[openvino] will be left out" in said
    assert "pip install" in said


def test_devices_of_another_machine_do_not_matter(tiny_csv, monkeypatch):
    monkeypatch.setattr("accel.engines.cuda.may_have_gpu", lambda: False)
    look(plan(tiny_csv, "engines=[cuda]"), here=False)


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("config.json", "{", "config.json cannot be read"),
        ("tokenizer.json", "{", "tokenizer.json cannot be read"),
        ("model.safetensors", "short", "model.safetensors cannot be read"),
        ("tokenizer.json", None, "has no tokenizer"),
    ],
)
def test_a_model_folder_is_opened(tiny_csv, folder, file, content, text):
    look(plan(tiny_csv, "model=local", f"model.path={folder}"))
    if content is None:
        for name in ("tokenizer.json", "vocab.txt"):
            (folder / name).unlink(missing_ok=True)
    else:
        (folder / file).write_text(content)
    with pytest.raises(RefusedError, match=text):
        look(plan(tiny_csv, "model=local", f"model.path={folder}"))


def test_more_pieces_than_rows_are_refused(tiny_csv, folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 100}))
    with pytest.raises(RefusedError, match="30522 pieces, and its embedding 100 rows"):
        look(plan(tiny_csv, "model=local", f"model.path={folder}"))


def test_what_is_downloaded_first_is_said_and_not_fetched(tiny_csv):
    said = look(plan(tiny_csv, "model=hub", "model.name=nobody/nothing"))
    assert "nobody/nothing is not in the hub cache" in said[-1]


def test_a_run_looks_at_the_same(tiny_run, monkeypatch, capsys):
    """Negative control: without the look a run would not refuse."""
    from accel.cli import main

    assert main(["check", *tiny_run, "task.label=lable"]) == 2
    assert main([*tiny_run, "task.label=lable"]) == 2
    monkeypatch.setattr(inputs, "look", lambda plan, here: [])
    capsys.readouterr()
    assert main(["check", *tiny_run, "task.label=lable"]) == 0


def test_options_alone_are_looked_at_where_that_is_asked_for(tiny_run, capsys):
    from accel.cli import main

    assert main(["check", "--config-only", *tiny_run, "task.train=nowhere.csv"]) == 0
    said = capsys.readouterr().out
    assert "not looked at" in said
    assert "This plan works" not in said


def test_a_task_is_read_once_for_all_jobs_that_have_it(tiny_run, monkeypatch):
    from accel.cli import main

    read = []
    monkeypatch.setattr("accel.sweep.entry.load", lambda plan: read.append(plan) or inputs.load(plan))
    words = ["check", "-m", *tiny_run, "compression=[],[prune]"]
    assert main(words) == 0
    assert len(read) == 1
    assert main([*words, "task.label=label,lable"]) == 0  # half of them work
    assert main([*words, "task.label=lable"]) == 2
    assert main([*words, "task.label=lable", "--config-only"]) == 0


@pytest.mark.slow
def test_every_task_knows_its_metrics_without_torch():
    for name in options_of("task"):
        task = _planned(name).task
        assert task.metrics() == task.predicts().metrics, name


def _planned(name):
    """A task with the files that it needs, and the first model that it can be learned with."""
    needed = OmegaConf.load(conf_dir() / "task" / f"{name}.yaml")
    given = {"name": next(iter(getattr(get_class(needed["_target_"]), "sets", {})), "")}
    words = [f"task.{key}={given.get(key, 'x.csv')}" for key in needed if OmegaConf.is_missing(needed, key)]
    plans = (
        assemble(compose([f"task={name}", f"model={model}", "engines=[eager]", *words]))
        for model in ("minilm", "tiny_gpt2", "tiny_t5")
    )
    return next(plan for plan in plans if not objections_to(plan))


def test_a_task_of_the_user_says_what_its_objective_does():
    from accel.task.airline import Airline

    class Mine(Airline):
        def predicts(self):
            return SimpleNamespace(metrics=("mine",))

    assert Mine().metrics() == ("mine",)
