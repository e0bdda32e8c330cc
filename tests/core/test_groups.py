"""Groups by declaration; conf/ has to agree with what the base classes say."""

import pytest
from omegaconf import OmegaConf

from accel.config.compose import GROUPS, compose, conf_dir
from accel.core.compression import Compression
from accel.core.groups import BASES, list_groups, technique_groups
from accel.core.option import typed
from accel.errors import ConfigError
from accel.model.tiny_bert import TinyBert
from accel.plan.decide import decide


def defaults() -> dict[str, object]:
    entries = OmegaConf.to_container(OmegaConf.load(conf_dir() / "config.yaml").defaults)
    return {group: chosen for entry in entries if isinstance(entry, dict) for group, chosen in entry.items()}


def test_every_group_of_the_configuration_is_known_and_no_other():
    folders = {path.name for path in conf_dir().iterdir() if path.is_dir() and path.name != "hydra"}
    assert folders == set(GROUPS)
    assert set(BASES) < set(GROUPS)


def test_a_group_is_a_list_where_its_default_is_one():
    assert list_groups()
    assert set(list_groups()) == {group for group, chosen in defaults().items() if isinstance(chosen, list)}


def test_techniques_are_the_groups_whose_base_is_one():
    assert technique_groups() == ("tuning", "compression", "strategy", "privacy")


def test_the_record_names_what_was_chosen_of_every_group():
    plan = decide(compose(["model=tiny_bert", "compression=[qat,prune]"]))
    assert list(plan.choices()) == list(BASES)
    assert plan.choices()["compression"] == ["prune", "qat"]
    assert plan.choices()["privacy"] == "none"


def test_an_option_of_a_list_is_typed_in_brackets_and_its_settings_stand_below_its_name():
    qat = decide(compose(["model=tiny_bert", "compression=[qat]"])).compression[0]
    assert (typed(qat), qat.key) == ("compression=[qat]", "compression.qat")
    assert (typed(TinyBert()), TinyBert().key) == ("model=tiny_bert", "model")


def test_without_its_declaration_a_group_is_no_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Compression, "several", False)
    assert "compression" not in list_groups()
    with pytest.raises(ConfigError, match="compression= names no option: write one of distill"):
        compose(["compression="])
