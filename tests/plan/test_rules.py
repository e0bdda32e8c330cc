from dataclasses import dataclass

import pytest

from accel.compression._removal import Start
from accel.compression.distill import Distill
from accel.compression.layers import Layers
from accel.compression.mask import Importance, Mask
from accel.compression.prune import Prune, Score
from accel.compression.ptq import Ptq
from accel.compression.qat import Qat
from accel.compression.vocabulary import Vocabulary
from accel.config.compose import compose
from accel.core.option import typed
from accel.core.privacy import Privacy
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.plan.rules import RULES, Rule
from accel.strategy.fsdp import Fsdp
from accel.strategy.tensor_parallel import TensorParallel
from accel.task._language import LanguageTask
from accel.task.chitchat import Chitchat
from accel.tuning.bitfit import Bitfit
from accel.tuning.full import Full
from accel.tuning.head import Head
from accel.tuning.lora import Lora


@dataclass(kw_only=True)
class Private(Privacy):
    """Any private mechanism."""

    def steps(self, num_examples):
        return num_examples

    def statement(self, folder):
        return {"folder": folder}


INSTANCES = {c: c() for c in (Layers, Prune, Ptq, Qat, Vocabulary, Distill, Head, Bitfit, Full, Fsdp, TensorParallel)} | {
    Lora: Lora(dropout=0.1), Mask: Mask(pattern="2:4", score=Importance.movement), Privacy: Private(),
    LanguageTask: Chitchat(),
}  # fmt: skip
CLASHING = {
    (Prune, TensorParallel): Prune(score=Score.activation, public_text="tweets"),
    (Mask, TensorParallel): Mask(score=Importance.wanda),
    (Distill, TensorParallel): Distill(relations_weight=1.0),
}
"""The first of a pair, where it clashes with other settings than its own defaults."""


@pytest.mark.parametrize("rule", RULES, ids=lambda r: "-".join(c.__name__ for c in r.forbids))
def test_each_rule_refuses_its_pair_and_accepts_each_half(rule):
    first, second = (INSTANCES[c] for c in rule.forbids)
    first = CLASHING.get(rule.forbids, first)
    (objection,) = rule.objections([first, second, Full()])
    assert objection.because == rule.because
    assert objection.instead == rule.instead
    assert typed(first) in objection.what
    assert typed(second) in objection.what
    assert not list(rule.objections([first, Full()]))
    assert not list(rule.objections([second, Full()]))


def test_a_rule_for_a_base_class_holds_for_what_derives_from_it():
    rule = Rule((Privacy, Distill), "b", "i")
    assert len(list(rule.objections([Private(), Distill()]))) == 1


def test_a_refusal_goes_away_with_its_rule(monkeypatch):
    """Negative control: the table alone refuses."""
    words = ["tuning=lora", "compression=[prune]"]
    with pytest.raises(PlanError, match="LoRA freezes"):
        decide(compose(words))
    monkeypatch.setattr("accel.plan.decide.RULES", ())
    assert decide(compose(words))


def test_rules_name_classes_only():
    for rule in RULES:
        assert all(isinstance(c, type) for c in rule.forbids)
        assert rule.because
        assert rule.instead


def test_all_objections_are_told_at_once():
    with pytest.raises(PlanError) as error:
        decide(compose(["tuning=lora", "compression=[prune,mask]", "compression.prune.sparsity=7"]))
    assert str(error.value).startswith("accel cannot run this plan. 3 objections; nothing has been downloaded")
    assert str(error.value).count("because") == str(error.value).count("instead") == 3


def test_settings_that_avoid_the_reason_are_let_through():
    rule = Rule((Privacy, Distill), "b", "i", unless=lambda privacy, distill: distill.teacher == "pretrained")
    (objection,) = rule.objections([Private(), Distill()])
    assert objection.avoidable
    assert not list(rule.objections([Private(), Distill(teacher="pretrained")]))


PUBLIC = {
    "activation": ["prune.start=pretrained", "prune.score=activation", "prune.public_text=tweets"],
    "magnitude": ["prune.start=pretrained", "prune.score=magnitude"],
}


@pytest.mark.parametrize("name", PUBLIC)
def test_privacy_meets_removal_only_where_nothing_private_is_scored(name):
    words = ["privacy=dpsgd", "compression=[prune]", *(f"compression.{w}" for w in PUBLIC[name])]
    assert decide(compose(words))
    for left_out in words[2:]:
        with pytest.raises(PlanError):
            decide(compose([w for w in words if w != left_out]))


AVOIDING = {
    (Prune, Head): (Prune(score=Score.magnitude), Head()),
    (Prune, Bitfit): (Prune(score=Score.activation), Bitfit()),
    (Prune, Mask): (Prune(), Mask(pattern="unstructured")),
    (Mask, Head): (Mask(score=Importance.magnitude), Head()),
    (Mask, Bitfit): (Mask(score=Importance.wanda), Bitfit()),
    (Privacy, Mask): (Private(), Mask(score=Importance.wanda, public_text="tweets")),
    (Qat, Lora): (Qat(), Lora(dropout=0.0)),
    (Privacy, Prune): (Private(), Prune(score=Score.magnitude, start=Start.pretrained)),
    (Privacy, Layers): (Private(), Layers(start=Start.pretrained)),
    (Privacy, Vocabulary): (Private(), Vocabulary(from_task=False, public_text="tweets")),
    (Privacy, Distill): (Private(), Distill(teacher="pretrained")),
    (Prune, TensorParallel): (Prune(score=Score.movement), TensorParallel()),
    (Mask, TensorParallel): (Mask(score=Importance.magnitude), TensorParallel()),
    (Distill, TensorParallel): (Distill(relations_weight=0.0), TensorParallel()),
}
"""Settings with which a pair that clashes may meet."""


@pytest.mark.parametrize("pair", AVOIDING, ids=lambda pair: "-".join(c.__name__ for c in pair))
def test_what_a_remedy_says_is_let_through(pair):
    assert not [told for rule in RULES for told in rule.objections([*AVOIDING[pair], Full()])]


def test_no_other_pair_can_be_talked_round():
    assert {rule.forbids for rule in RULES if rule.unless} == set(AVOIDING)


@pytest.mark.parametrize(
    ("option", "blind"),
    [
        (Prune(), False),
        (Prune(score=Score.magnitude), False),  # the dense baseline has seen the private examples
        (Prune(score=Score.activation, start=Start.pretrained), False),
        (Prune(score=Score.magnitude, start=Start.pretrained), True),
        (Prune(score=Score.activation, start=Start.pretrained, public_text="tweets"), True),
        (Mask(), True),
        (Mask(score=Importance.wanda), False),
        (Mask(score=Importance.wanda, public_text="tweets"), True),
        (Mask(score=Importance.movement), False),
        (Vocabulary(), False),
        (Vocabulary(public_text="tweets"), False),
        (Vocabulary(from_task=False, public_text="tweets"), True),
        (Layers(), False),
        (Layers(start=Start.pretrained), True),
    ],
    ids=str,
)
def test_what_sees_no_private_example_is_said_of_nothing_else(option, blind):
    assert option.sees_no_private_example is blind
