"""Old names of keys still work, wherever they stand: typed, in a file, in the folder of an earlier run."""

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from accel.analysis.attack import plan_of
from accel.checkpoint.resume import config_of, require_same_model
from accel.cli import main
from accel.config import compose as composing
from accel.config import renamed
from accel.config.compose import compose, options_of, plain
from accel.config.renamed import RENAMED, current_word, rename_keys
from accel.errors import ConfigError, DataError
from accel.plan.decide import decide
from accel.report.records import Recorded
from accel.report.settings import settings_of

BASE = ["model=tiny_bert", "compression=[qat]"]
OLD = "compression.qat.spare"


@pytest.fixture(autouse=True)
def untold() -> None:
    composing._tell_renamed.cache_clear()


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: nothing was ever renamed."""
    monkeypatch.setattr(renamed, "RENAMED", {})


def written(folder: Path, config: dict) -> Path:
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def earlier(folder: Path, share: float = 0.3) -> Path:
    """The folder of a run that was made when the key had its old name."""
    config = plain(compose([*BASE, f"compression.qat.full_precision={share}"]))
    config["compression"]["qat"]["spare"] = config["compression"]["qat"].pop("full_precision")
    config["compression"]["qat"]["spare_of"] = config["compression"]["qat"].pop("full_precision_of")
    return written(folder, config)


def test_every_new_name_is_a_key_and_no_old_one_is():
    keys = {
        f"{group}.{key}"
        for group in ("compression",)
        for option in options_of(group)
        for key in composing._leaves(OmegaConf.load(composing.conf_dir() / group / f"{option}.yaml"))
    }
    assert set(RENAMED.values()) <= keys
    assert not set(RENAMED) & keys


@pytest.mark.parametrize(
    ("word", "now"),
    [
        (f"{OLD}=0.1", "compression.qat.full_precision=0.1"),
        ("+compression.ptq.spare_of=latency", "+compression.ptq.full_precision_of=latency"),
        ("trainer.epochs=1", "trainer.epochs=1"),
        ("name=compression.qat.spare", "name=compression.qat.spare"),
    ],
)
def test_a_word_has_the_name_that_its_key_has_now(word: str, now: str):
    assert current_word(word) == now


def test_an_old_command_line_does_what_it_did_and_says_so_once(capsys: pytest.CaptureFixture[str]):
    words = [*BASE, f"{OLD}=0.3", "compression.qat.spare_of=weights"]
    for _ in range(2):
        assert decide(compose(words)).compression[0].settings()["full_precision"] == 0.3
    told = capsys.readouterr().err
    assert told.count("compression.qat.spare is called compression.qat.full_precision now") == 1
    compose([*BASE, "compression.qat.full_precision=0.3"])
    assert capsys.readouterr().err == ""


def test_check_takes_an_old_command_line(capsys: pytest.CaptureFixture[str]):
    assert main(["check", *BASE, f"{OLD}=0.3"]) == 0
    assert "full_precision=0.3" in capsys.readouterr().out


@pytest.mark.usefixtures("forgotten")
def test_without_the_table_the_old_name_is_a_mistake():
    with pytest.raises(ConfigError, match=r"compression\.qat\.spare does not exist"):
        compose([*BASE, f"{OLD}=0.3"])


def test_an_experiment_of_a_user_may_have_the_old_name_and_what_is_typed_stands(tmp_path: Path):
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\ndefaults:\n  - override /compression: [qat]\ncompression:\n  qat:\n    spare: 0.2\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    words = ["model=tiny_bert", "experiment=mine"]
    assert compose(words, [str(tmp_path)]).compression.qat.full_precision == 0.2
    typed = compose([*words, "compression.qat.full_precision=0.4"], [str(tmp_path)])
    assert (typed.compression.qat.full_precision, "spare" in typed.compression.qat) == (0.4, False)


def test_an_earlier_run_goes_on_with_the_same_setting_only(tmp_path: Path):
    before = config_of(earlier(tmp_path))
    assert before is not None
    require_same_model(before, plain(compose([*BASE, f"{OLD}=0.3"])), tmp_path)
    with pytest.raises(DataError, match=r"compression\.qat\.full_precision=0\.1 \(it was 0\.3\)"):
        require_same_model(before, plain(compose([*BASE, f"{OLD}=0.1"])), tmp_path)


def test_the_plan_and_the_settings_of_an_earlier_run_have_the_new_names(tmp_path: Path):
    folder = earlier(tmp_path)
    assert plan_of(folder).compression[0].settings()["full_precision"] == 0.3
    settings = settings_of(Recorded(folder, {"overrides": [], "choices": {}}))
    assert settings["compression.qat.full_precision"] == 0.3
    assert not [key for key in settings if "spare" in key]


@pytest.mark.usefixtures("forgotten")
def test_without_the_table_an_earlier_run_is_not_understood(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"compression\.qat\.spare does not exist"):
        plan_of(earlier(tmp_path))


def test_what_is_not_there_is_left_alone():
    for config in ({}, {"compression": None}, {"compression": {"qat": {"begin": 0.5}}}):
        before = dict(config)
        assert rename_keys(config) == []
        assert config == before
