import re
from dataclasses import dataclass

import pytest

from accel.compression._quantization import Quantization
from accel.compression._removal import Start
from accel.compression.distill import Distill
from accel.compression.layers import Layers
from accel.compression.mask import Importance, Mask
from accel.compression.prune import Prune, Score
from accel.compression.ptq import Ptq
from accel.compression.qat import Qat
from accel.compression.vocabulary import Vocabulary
from accel.config.compose import compose
from accel.core.compression import Compression
from accel.core.language_task import CausalTask, LanguageTask
from accel.core.option import Option, typed
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import Task, TokenTask
from accel.core.technique import Stage, Technique
from accel.core.tuning import Adapter, FrozenBody, HeadOnly, Inserted, Prompt, Tuning
from accel.errors import PlanError
from accel.plan.decide import decide
from accel.plan.rules import RULES, Rule, clashes
from accel.privacy.dpfedavg import Dpfedavg
from accel.privacy.dpsgd import Dpsgd, Engine
from accel.strategy.ddp import Compress, Ddp
from accel.strategy.federated import Federated
from accel.strategy.fsdp import Fsdp, ReduceDtype
from accel.strategy.tensor_parallel import TensorParallel
from accel.task._answers import SpanTask
from accel.task._pairs import PairTask
from accel.task.chitchat import Chitchat
from accel.task.chitchat_replies import ChitchatReplies
from accel.task.finance_ner import FinanceNer
from accel.task.multi_label import MultiLabel
from accel.task.question_answering import QuestionAnswering
from accel.task.regression import Regression
from accel.task.retrieval import Retrieval
from accel.tuning import adapter, prompt
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


@dataclass(kw_only=True)
class Bottleneck(Adapter):
    """An adapter that a user brought."""

    @property
    def input_dropout(self):
        return 0.1


@dataclass(kw_only=True)
class Prefix(Prompt):
    """A prompt that a user brought."""


@dataclass(kw_only=True)
class Network(Inserted):
    """Small networks that a user brought."""


@dataclass(kw_only=True)
class Apart(FrozenBody):
    """A tuning whose parameters belong to no layer."""

    sampled = splits = shards = False
    reads_gradients = rounds_body = True


@dataclass(kw_only=True)
class Norms(FrozenBody):
    """A tuning with a frozen body that a user brought, such as one of the normalizations alone."""


@dataclass(kw_only=True)
class Probe(HeadOnly):
    """A linear probe that a user brought."""


@dataclass(kw_only=True)
class Stories(LanguageTask):
    """Documents that a user brought."""

    def load(self, seed):
        raise NotImplementedError(seed)


@dataclass(kw_only=True)
class Talks(CausalTask):
    """Conversations that a user brought."""

    def max_tokens(self):
        return 8

    def load(self, seed):
        raise NotImplementedError(seed)


@dataclass(kw_only=True)
class Marked(TokenTask):
    """Texts with marks that a user brought."""

    def max_tokens(self):
        return 8

    def load(self, seed):
        raise NotImplementedError(seed)


@dataclass(kw_only=True)
class Silent(Compression):
    """A compression that a user brought, and that says nothing of what it looks at."""

    stage = Stage.SPARSIFY


@dataclass(kw_only=True)
class Blind(Silent):
    """One that says that it looks at no example."""

    sees_no_private_example = True


@dataclass(kw_only=True)
class FromBaseline(Blind):
    """One that begins with the dense baseline's weights."""

    starts_from_baseline = True


@dataclass(kw_only=True)
class Taught(FrozenBody):
    """A tuning that wants the dense baseline."""

    needs_baseline = True


INSTANCES = {c: c() for c in (Layers, Prune, Ptq, Qat, Vocabulary, Distill, Dpfedavg, Federated, TensorParallel)} | {
    Adapter: Bottleneck(), FrozenBody: Norms(), HeadOnly: Probe(), Prompt: Prefix(), Tuning: Apart(), CausalTask: Stories(), TokenTask: Marked(), Compression: Silent(), Regression: Regression(train="ratings.csv"), MultiLabel: MultiLabel(train="topics.csv"),
    PairTask: Retrieval(train="faq.csv"), SpanTask: QuestionAnswering(train="q.jsonl"), Technique: Taught(), Mask: Mask(pattern="2:4", score=Importance.movement), Privacy: Private(),
    Strategy: Ddp(), Ddp: Ddp(compress=Compress.bf16), Fsdp: Fsdp(reduce_dtype=ReduceDtype.bf16), Quantization: Qat(full_precision=0.1),
}  # fmt: skip
LIKE = (
    (Bottleneck(), Lora(dropout=0.1)), (Prefix(), prompt.Prompt()), (Network(), adapter.Adapter()), (Norms(), Bitfit()), (Probe(), Head()),
    (Stories(), Chitchat()), (Talks(), ChitchatReplies()), (Marked(), FinanceNer()),
)  # fmt: skip
"""What users brought, and what accel has of the same trait."""
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


def verdicts(option: Option) -> list[tuple[str, bool]]:
    """Reason and mark of every option that it must not meet."""
    others = [*INSTANCES.values(), *CLASHING.values(), Prune(score=Score.magnitude), Mask(), Full()]
    others = [other for other in others if other.group != option.group]
    return [(o.because, o.avoidable) for other in others for o in clashes([option, other])]


@pytest.mark.parametrize(("brought", "shipped"), LIKE, ids=lambda option: type(option).__name__)
def test_what_users_bring_is_refused_as_what_accel_has_of_the_same_trait(brought, shipped):
    assert verdicts(brought) == verdicts(shipped) != []


def test_every_trait_is_walked():
    """Every trait of the core that a rule names."""
    named = {c for rule in RULES for c in rule.forbids}
    traits = {c for base in (Tuning, Task) for c in descendants(base) if c.__module__.startswith("accel.core.")}
    traits = {trait for trait in traits if named & set(trait.__mro__)}
    assert traits == {base for brought, _ in LIKE for base in type(brought).__bases__}


def descendants(cls: type) -> set[type]:
    return {cls for child in cls.__subclasses__() for cls in (child, *descendants(child))}


def test_a_pair_is_told_one_reason_that_no_setting_avoids_if_there_is_one():
    (adapter,) = clashes([Prune(), Lora()])
    (frozen,) = clashes([Prune(), Prefix()])
    assert (adapter.avoidable, frozen.avoidable) == (False, True)
    assert "tuning freezes them" in frozen.because


def test_an_unavoidable_reason_outweighs_an_earlier_one(monkeypatch):
    rules = (Rule((Ptq, Qat), "a", "i", unless=lambda *_: False), Rule((Ptq, Qat), "b", "i"))
    monkeypatch.setattr("accel.plan.rules.RULES", rules)
    assert [o.because for o in clashes([Ptq(), Qat()])] == ["b"]


@pytest.mark.parametrize(
    ("brought", "because"),
    [
        (Silent(), "does not declare that it uses no private example"),
        (FromBaseline(), "needs the dense baseline"),
        (Taught(), "needs the dense baseline"),
    ],
    ids=lambda o: type(o).__name__,
)
def test_privacy_trusts_nothing_that_users_bring(brought, because):
    (objection,) = clashes([Private(), brought])
    assert because in objection.because


def test_privacy_goes_with_what_says_that_it_sees_no_private_example():
    assert not clashes([Private(), Blind()])
    assert not clashes([Private(), Norms()])


@pytest.mark.parametrize(
    ("privacy", "strategy", "because"),
    [
        (Dpsgd(), Fsdp(), None),
        (Dpsgd(engine=Engine.opacus_hooks), Fsdp(), "needs them whole in each process"),
        (Private(), Fsdp(), "needs them whole in each process"),
        (Dpsgd(), Fsdp(reduce_dtype=ReduceDtype.bf16), "rounded to bf16"),
        (Dpfedavg(), Fsdp(), "pools the records of all"),
        (Dpsgd(), Ddp(compress=Compress.bf16), "would not act"),
        (Dpsgd(), Ddp(), None),
    ],
    ids=str,
)
def test_privacy_meets_shards_only_where_its_sums_are_cut_up_and_exact(privacy, strategy, because):
    found = clashes([privacy, strategy])
    assert [because in objection.because for objection in found] == [True] * bool(because)


def test_a_refusal_goes_away_with_its_rule(monkeypatch):
    """Negative control: the table alone refuses."""
    words = ["tuning=lora", "compression=[prune]"]
    with pytest.raises(PlanError, match="an adapter leaves those frozen"):
        decide(compose(words))
    monkeypatch.setattr("accel.plan.rules.RULES", ())
    assert decide(compose(words))


PRIVATE_WORDS = re.compile(r"\b(?:hears?|listens?|says?|speaks?|pieces?|spared?|sparing|knows?)\b")
"""Metaphors for what the field calls activations, tokens, full precision."""


def test_rules_are_told_in_the_words_of_the_field():
    told = [text for rule in RULES for text in (rule.because, rule.instead)]
    assert not [text for text in told if PRIVATE_WORDS.search(text)]


def test_the_check_of_words_sees_a_metaphor():
    assert PRIVATE_WORDS.search("these scores listen to all heads, and a process hears its own")
    assert not PRIVATE_WORDS.search("the scores need the activations of all heads; each process holds only its own")


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
    (Prune, FrozenBody): (Prune(score=Score.activation), Bitfit()),
    (Prune, Mask): (Prune(), Mask(pattern="unstructured")),
    (Mask, FrozenBody): (Mask(score=Importance.wanda), Head()),
    (Privacy, Mask): (Private(), Mask(score=Importance.wanda, public_text="tweets")),
    (Qat, Adapter): (Qat(), Lora(dropout=0.0)),
    (Privacy, Quantization): (Private(), Qat(full_precision=0.0)),
    (Privacy, Technique): (Private(), Norms()),
    (Privacy, Tuning): (Private(), Norms()),
    (Tuning, TensorParallel): (Norms(), TensorParallel()),
    (Tuning, Fsdp): (Norms(), Fsdp()),
    (Tuning, Federated): (Norms(), Federated()),
    (Qat, Tuning): (Qat(), Norms()),
    (Distill, Prompt): (Distill(hidden_weight=0.0), Prefix()),
    (Privacy, Compression): (Private(), Blind()),
    (Privacy, Prune): (Private(), Prune(score=Score.magnitude, start=Start.pretrained)),
    (Privacy, Layers): (Private(), Layers(start=Start.pretrained)),
    (Privacy, Vocabulary): (Private(), Vocabulary(from_task=False, public_text="tweets")),
    (Privacy, Distill): (Private(), Distill(teacher="pretrained")),
    (Privacy, Regression): (Private(), Regression(train="ratings.csv", mean=3.0, std=1.5)),
    (Privacy, MultiLabel): (Private(), MultiLabel(train="topics.csv", threshold=0.5)),
    (Dpfedavg, Strategy): (Dpfedavg(), Federated()),
    (Privacy, Fsdp): (Dpsgd(), Fsdp()),
    (Privacy, Ddp): (Dpsgd(), Ddp()),
    (Privacy, Federated): (Dpfedavg(), Federated()),
    (Federated, Prune): (Federated(), Prune(score=Score.magnitude, start=Start.pretrained)),
    (Federated, Mask): (Federated(), Mask(score=Importance.magnitude)),
    (Federated, Layers): (Federated(), Layers(start=Start.pretrained)),
    (Federated, Vocabulary): (Federated(), Vocabulary(from_task=False, public_text="tweets")),
    (Federated, Distill): (Federated(), Distill(teacher="pretrained")),
    (Federated, Quantization): (Federated(), Qat(full_precision=0.0)),
    (Federated, Technique): (Federated(), Norms()),
    (Federated, Compression): (Federated(), Blind()),
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
