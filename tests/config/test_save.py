import pytest
import yaml

from accel.cli import main
from accel.config.arguments import parse
from accel.config.compose import compose, plain
from accel.config.save import save
from accel.errors import ConfigError
from accel.plan.decide import decide


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """``saved(words) -> (the plan as typed, the plan of the file)``."""
    monkeypatch.chdir(tmp_path)

    def make(*words):
        arguments = parse(words)
        save(tmp_path / "my_conf" / "experiment" / "mine.yaml", arguments)
        again = parse(["--config-dir", "my_conf", "experiment=mine"])
        return decide(compose(arguments.overrides)), decide(compose(again.overrides, again.config_dirs))

    return make


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=tiny_bert", "seed=3", "engines=[eager]", "name=mine"],
        ["compression=[prune,qat]", "compression.prune.sparsity=0.6", "strategy=ddp"],
        ["experiment=quickstart", "trainer.epochs=2", "model=tiny_bert"],
        ["experiment=quickstart", "compression=[prune]"],
        ["experiment=hospital", "privacy.epsilon=3", "task.max_length=32"],
        ["task=text_classification", "task.train='it\\'s $my/a=(b).csv'", "task.text=[title,'内容']", "tracker=none"],
        ["trainer.max_steps=null", "trainer.learning_rate=1e-4", "privacy=none"],
    ],
)
def test_the_file_is_the_same_plan(words, saved):
    typed, again = saved(*words)
    assert again == typed


def test_another_plan_is_seen(saved):
    typed, _ = saved("seed=3")
    assert typed != decide(compose(["seed=4"]))


def test_the_file_says_only_what_was_chosen(saved, tmp_path):
    saved("model=tiny_bert", "compression=[prune]", "trainer.epochs=5", "hydra.run.dir=elsewhere")
    text = (tmp_path / "my_conf" / "experiment" / "mine.yaml").read_text("utf8")
    assert text.startswith("# @package _global_\n")
    defaults = [{"override /model": "tiny_bert"}, {"override /compression": ["prune"]}]
    assert yaml.safe_load(text) == {"defaults": defaults, "trainer": {"epochs": 5}}


def test_an_own_folder_and_an_interpolation_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "groups" / "trainer").mkdir(parents=True)
    (tmp_path / "groups" / "trainer" / "short.yaml").write_text("defaults: [standard]\nmax_steps: 7\n")
    words = ["--config-dir", "groups", "trainer=short", "seed=${oc.env:SEED,5}", "--plugin=json"]
    said = save(tmp_path / "c" / "experiment" / "mine.yaml", parse(words))
    assert said == f"accel --config-dir groups --config-dir {tmp_path / 'c'} --plugin json experiment=mine"
    again = parse(said.split()[1:])
    config = compose(again.overrides, again.config_dirs)
    assert (config.trainer.max_steps, plain(config)["seed"]) == (7, "${oc.env:SEED,5}")


@pytest.mark.parametrize(
    ("file", "words", "reason"),
    [
        ("mine.yaml", [], "in a folder experiment"),
        ("experiment/mine.txt", [], "name a YAML file"),
        ("experiment/quickstart.yaml", [], "accel's own"),
        ("experiment/there.yaml", [], "there already"),
        ("experiment/mine.yaml", ["-m", "seed=0,1"], "Leave out -m"),
        ("experiment/mine.yaml", ["tracker.project=sk-" + "c2" * 20], "would write a secret"),
        ("there/experiment/mine.yaml", [], "cannot be written"),
    ],
)
def test_what_cannot_be_saved_is_refused(file, words, reason, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "there.yaml").touch()
    (tmp_path / "there").touch()
    with pytest.raises(ConfigError, match=reason):
        save(tmp_path / file, parse(words))


def test_check_writes_it_and_starts_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "model=tiny_bert", "--save", "my_conf/experiment/mine.yaml"]) == 0
    assert "The same again: accel --config-dir my_conf experiment=mine" in capsys.readouterr().out
    assert main(["check", "--config-dir", "my_conf", "experiment=mine"]) == 0
    assert not (tmp_path / "outputs").exists()
    assert main(["check", "tuning=lora", "compression=[prune]", "--save=my_conf/experiment/wrong.yaml"]) == 2
    assert not (tmp_path / "my_conf" / "experiment" / "wrong.yaml").exists(), "what is refused is not written"


def test_a_run_writes_it_and_runs(tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "my_conf" / "experiment" / "mine.yaml"
    assert main([*tiny_run, "trainer.max_steps=2", "--save", str(file)]) == 0
    assert file.is_file()
    assert (tmp_path / "run" / "result.json").is_file()
