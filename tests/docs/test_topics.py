import sys

import pytest

from accel.docs.topics import module_docstring, option_files, topic
from accel.errors import ConfigError


def test_a_page_is_found_by_its_name():
    assert topic("privacy").startswith("# Private training")


@pytest.mark.parametrize("word", ["prune", "compression=[prune]"])
def test_an_option_is_its_card_and_its_settings(word):
    text = topic(word)
    assert text.startswith("# compression=[prune]\n")
    assert "**What it costs:**" in text
    assert "accel compression=[prune] compression.prune.sparsity=0.5" in text
    assert "sparsity: 0.5  # share" in text


def test_a_group_is_all_of_its_options():
    text = topic("tuning")
    assert [name for name in ("bitfit", "full", "head", "lora") if f"# tuning={name}\n" in text] == [
        "bitfit",
        "full",
        "head",
        "lora",
    ]


def test_every_option_has_a_card():
    options = list(option_files())
    assert len(options) > 30
    assert all("## Settings" in option.card() for option in options)


def test_a_topic_that_does_not_exist_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'prune'"):
        topic("prun")


def test_cards_are_read_without_importing_the_option(monkeypatch):
    monkeypatch.delitem(sys.modules, "accel.compression.mask", raising=False)
    assert module_docstring({"mask": {"_target_": "accel.compression.mask.Mask"}}, "mask")
    assert "accel.compression.mask" not in sys.modules
    assert module_docstring({"_target_": "no_such_package.X"}, "x") == ""
