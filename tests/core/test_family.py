"""The families' one table, and that nothing else knows them by name."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import accel
from accel.core.family import CHANNELS, FAMILIES, HEADS, SUPPORTED_FAMILIES, Family, family_of
from accel.core.shape import Shape
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.prompts import start_of
from accel.ops.structured.structure import find_blocks, find_layers

PACKAGE = Path(accel.__file__).parent
MAY_NAME = ("core/family.py", "model/")
"""The table; and each model, which says of what family it is."""


def named_families(source: str) -> list[str]:
    """Texts of a program that are the name of a family and nothing else."""
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in texts if text in FAMILIES]


def test_a_family_is_named_in_one_place():
    files = {str(path.relative_to(PACKAGE)): path.read_text("utf8") for path in PACKAGE.rglob("*.py")}
    assert not [name for name, text in files.items() if named_families(text) and not name.startswith(MAY_NAME)]


def test_the_check_of_names_sees_one():
    assert named_families('BIASED = ("gpt2", "bert")') == ["gpt2", "bert"]
    assert not named_families('def f():\n    """As bert does."""')


@pytest.mark.parametrize("name", SUPPORTED_FAMILIES)
def test_every_family_has_heads_channels_and_layers(name: str):
    assert {layout.kind for layout in FAMILIES[name].layouts} == {HEADS, CHANNELS}
    assert FAMILIES[name].stacks


def test_what_is_known_but_not_taken_apart_is_not_said_to_be():
    assert {"bart", "mbart"} <= set(FAMILIES) - set(SUPPORTED_FAMILIES)
    assert {"mt5", "t5"} <= set(SUPPORTED_FAMILIES)


@pytest.mark.parametrize("name", ["bart", "mbart", "mt5", "t5"])
def test_an_encoder_with_a_decoder_is_known_as_one(name: str):
    assert family_of(name).encoder_decoder


def test_heads_say_who_keeps_their_width():
    heads = [layout for family in FAMILIES.values() for layout in family.layouts if layout.kind == HEADS]
    assert all(layout.owner and layout.head_dim for layout in heads)
    assert all(layout.biased for layout in heads if layout.positions)


def test_what_is_gated_predicts_from_left_to_right():
    assert all(family.causal for family in FAMILIES.values() if family.gated)


def test_one_entry_makes_a_family(monkeypatch: pytest.MonkeyPatch):
    """Its blocks, layers, pooling and sizes follow from it; without the entry nothing of it is known."""
    model = TinyBert().network(Classification(["a", "b"]))
    sizes = {**model.config.to_dict(), "model_type": "newbert"}
    model.config.model_type = "newbert"
    assert not find_blocks(model)
    assert (start_of(model), Shape.from_config(sizes, "x").gated) == (0, False)
    monkeypatch.setitem(FAMILIES, "newbert", replace(FAMILIES["bert"], gated=True))
    assert find_blocks(model)
    assert find_layers(model)
    assert (start_of(model), Shape.from_config(sizes, "x").gated) == (1, True)


def test_an_unknown_family_is_one_of_which_nothing_is_known():
    assert family_of("mamba") == Family()
