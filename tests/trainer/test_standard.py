import pytest
import torch
import torch._dynamo.utils
from torch import nn

from accel.config.compose import compose
from accel.core import hardware
from accel.data import Split
from accel.data.balance import Balance, importance
from accel.errors import NoEffectError, PlanError
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.trainer.standard import Precision, Standard
from tests.strategy.parity import no_dropout

WRONG = [
    ("trainer.epochs=0", "epochs must be at least 1"),
    ("trainer.max_steps=0", "max_steps must be at least 1"),
    ("trainer.batch_tokens=0", "batch_tokens must be at least 1"),
    ("trainer.batch_size=8", "exactly one of them"),
    ("trainer.batch_tokens=null", "exactly one of them"),
    ("trainer.learning_rate=0", "positive and finite"),
    ("trainer.learning_rate=inf", "positive and finite"),
    ("trainer.learning_rate=nan", "positive and finite"),
    ("trainer.weight_decay=-1", "finite and not negative"),
    ("trainer.gradient_clip=-1", "finite and not negative"),
    ("trainer.warmup=1", "a share of training"),
    ("trainer.layer_decay=0", "same rate for all layers"),
    ("trainer.layer_decay=1.1", "same rate for all layers"),
    ("trainer.checkpoint_every_steps=0", "at least 1"),
]


@pytest.mark.fault("B1")
@pytest.mark.parametrize(("word", "text"), WRONG)
def test_objects_to_values_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([word]))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["privacy=dpsgd", "privacy.epsilon=8"], "which nothing would protect"),
        (["task=chitchat", "model=smollm2"], "for every label"),
        (["task=regression", "task.train=numbers.csv"], "for every label"),
        (["task=multi_label", "task.train=topics.csv"], "for every label"),
    ],
)
def test_no_temperature_where_it_would_tell_or_correct_nothing(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([*words, "trainer.calibrate=true"]))


def test_the_dense_baseline_is_the_same_with_and_without_calibration():
    assert Standard(calibrate=True).for_baseline() == Standard().for_baseline()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["privacy=dpsgd", "privacy.epsilon=8", "trainer.balance=class"], "which no noise protects"),
        (["task=chitchat", "model=smollm2", "trainer.balance=class"], "one label each"),
        (["task=regression", "task.train=numbers.csv", "trainer.balance=class"], "one label each"),
        (["task=multi_label", "task.train=topics.csv", "trainer.balance=class"], "one label each"),
        (["strategy=federated", "trainer.balance=class"], "its own examples alone"),
        (["trainer.balance=group"], "no column says which group"),
    ],
)
def test_nothing_is_balanced_where_it_would_tell_or_there_is_nothing_to_count(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(words))


def test_a_balance_that_changes_nothing_is_told():
    even = Split([("a",), ("b",)], [0, 1], strata={"city": ["x", "x"]})
    for name in ("class", "group"):
        with pytest.raises(NoEffectError, match=f"balance={name} would change nothing"):
            Standard(balance=Balance[name]).importance(even)
    assert Standard().importance(even) is None
    assert Standard(balance=Balance["class"]).importance(Split([("a",)] * 3, [0, 0, 1])).tolist() == [0.75, 0.75, 1.5]


def test_the_first_column_says_which_groups_are_balanced():
    split = Split([("a",)] * 3, [0, 0, 1], strata={"city": ["x", "y", "y"], "age": ["1", "1", "1"]})
    assert (
        Standard(balance=Balance["group"]).importance(split).tolist()
        == importance(Balance["group"], split.labels, split.strata["city"]).tolist()
    )


def test_bf16_by_name_needs_a_machine_that_has_it(monkeypatch):
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: {"sse2"})
    with pytest.raises(PlanError, match="no bf16 units"):
        decide(compose(["trainer.precision=bf16"]))
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: {"amx_bf16"})
    decide(compose(["trainer.precision=bf16"]))


def test_auto_is_bf16_only_where_it_is_fast(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    intel, amd = "GenuineIntel", "AuthenticAMD"
    for vendor, flag, expected in (
        (intel, "avx512_bf16", "32-true"),
        (intel, "amx_bf16", "bf16-mixed"),
        (amd, "avx512_bf16", "bf16-mixed"),
        (amd, "avx512f", "32-true"),
        ("", "", "32-true"),
    ):
        monkeypatch.setattr(hardware, "_cpu", {"flags": flag, "vendor_id": vendor}.get)
        assert Standard().lightning_precision() == expected, (vendor, flag)
    double = Standard(precision=Precision.fp64)
    assert (double.lightning_precision(), double.keeps_double) == ("32-true", True)


def test_norms_and_biases_do_not_decay():
    groups = Standard().optimizer(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))).param_groups
    assert [len(g["params"]) for g in groups] == [1, 3]
    assert [g["weight_decay"] for g in groups] == [0.01, 0.0]


def test_the_rate_rises_to_the_top_and_falls_to_zero():
    settings = Standard(learning_rate=1.0, warmup=0.1)
    optimizer = settings.optimizer(nn.Linear(2, 2))
    schedule = settings.schedule(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02


def test_clips_to_the_norm_and_not_at_zero():
    layer = nn.Linear(4, 4)
    for bound, expected in ((1.0, 1.0), (0.0, 100.0)):
        layer.zero_grad()
        (100 * layer.weight[0, 0]).backward()
        assert Standard(gradient_clip=bound).clip_gradients(layer) == pytest.approx(100.0)
        assert layer.weight.grad.norm() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["activation_checkpointing", "compile"])
def test_private_gradients_need_layers_as_they_are(name):
    with pytest.raises(PlanError, match=f"trainer.{name}=true  with  privacy"):
        decide(compose([f"trainer.{name}=true", "privacy=dpsgd"]))


NOT_COMPILED = [
    ["compression=[qat]"],
    ["compression=[distill]"],
    ["compression=[mask]", "compression.mask.score=wanda"],
    ["compression=[prune]", "compression.prune.score=activation"],
]


@pytest.mark.parametrize("words", NOT_COMPILED)
def test_whatever_reads_inside_layers_refuses_compiled_ones(words):
    decide(compose(words))
    with pytest.raises(PlanError, match="trainer.compile=true  with  compression"):
        decide(compose([*words, "trainer.compile=true"]))


COMPILED = {
    "dense": [],
    "lora": ["tuning=lora"],
    "removed": ["compression=[layers,prune]", "compression.prune.every_steps=1"],
    "masked": ["compression=[mask]", "compression.mask.every_steps=1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.full if c == "lora" else ()) for c in COMPILED])
def test_compiled_layers_learn_nearly_the_same(train, case, tmp_path):
    """Fused kernels add up in another order, and draw other dropout: it is off here, in the dense baseline too, which
    another test may have trained with it. A layer that torch gave up on would run as before, and be wrong to time."""
    words = [*COMPILED[case], f"cache={tmp_path / 'cache'}"]
    torch._dynamo.utils.counters.clear()
    with no_dropout(), torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        _, losses, _ = train(*words)
        _, same, _ = train(*words, "trainer.compile=true")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not torch._dynamo.utils.counters["graph_break"]
    assert list(losses.values()) == pytest.approx(list(same.values()), rel=1e-4)


RECOMPUTED = {
    "dense": [],
    "lora": ["tuning=lora"],
    "removed": ["compression=[layers,prune]", "compression.prune.every_steps=1"],
    "masked": ["compression=[mask]", "compression.mask.every_steps=1"],
    "distilled": ["compression=[distill]", "compression.distill.relations_weight=1"],
    "qat": ["compression=[qat]"],
}


@pytest.mark.parametrize("case", RECOMPUTED)
@pytest.mark.slow
def test_recomputed_layers_learn_the_same(train, case):
    """With dropout on, which is drawn again: every loss and every weight to the last bit."""
    (first, losses, _), (second, same, _) = (
        train(*RECOMPUTED[case], *more) for more in ([], ["trainer.activation_checkpointing=true"])
    )
    assert losses == same
    assert all(torch.equal(a, second.model.state_dict()[name]) for name, a in first.model.state_dict().items())
    assert not any(getattr(module, "gradient_checkpointing", False) for module in second.model.modules())


def test_settings_reach_the_optimizer_and_the_baseline():
    groups = Standard(learning_rate=0.3, weight_decay=0.2).optimizer(nn.Linear(3, 4)).param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(0.3, 0.2), (0.3, 0.0)]
    trainer = Standard(epochs=7, baseline_epochs=2, learning_rate=0.3)
    assert trainer.for_baseline() == Standard(epochs=2, learning_rate=0.3)
    assert Standard(epochs=7).for_baseline().epochs == 7
    assert Standard(max_steps=9).for_baseline() == Standard(max_steps=9)
    assert Standard(max_steps=9, baseline_steps=20).for_baseline() == Standard(max_steps=20)


def test_lower_layers_learn_slower():
    """By the decay for each layer between them and the head; whether a weight decays is another matter."""
    model = TinyBert().network(Classification(["a", "b"]))
    rates = {id(p): g["lr"] for g in Standard(layer_decay=0.5).optimizer(model).param_groups for p in g["params"]}
    layers = model.bert.encoder.layer
    places = (model.classifier, model.bert.pooler, layers[1], layers[0], model.bert.embeddings)
    for place, share in zip(places, (1, 1, 0.5, 0.25, 0.125), strict=True):
        assert {rates[id(p)] for p in place.parameters()} == {share * 1e-4}
    whole = Standard().optimizer(model).param_groups
    assert {group["lr"] for group in whole} == {1e-4}
    assert len(whole) == 2


def test_what_is_frozen_by_name_does_not_move(train):
    fitted, _, _ = train("trainer.freeze=*embeddings*", "trainer.max_steps=2")
    start = dict(TinyBert().network(Classification(["bad", "good"])).named_parameters())
    moved = {name for name, p in fitted.model.named_parameters() if not torch.equal(p, start[name])}
    assert moved
    assert not [name for name in moved if "embeddings" in name]


@pytest.mark.parametrize(("pattern", "text"), [("*nowhere*", "the name of nothing"), ("*", "leaves nothing")])
def test_a_pattern_that_freezes_nothing_or_all_is_refused(pattern, text):
    with pytest.raises(NoEffectError, match=text):
        Standard(freeze=pattern).adapt_model(TinyBert().network(Classification(["a", "b"])))


def test_frozen_weights_cannot_be_scored_by_gradients():
    words = ["trainer.freeze=*embeddings*", "compression=[prune]"]
    with pytest.raises(PlanError, match="frozen ones have none"):
        decide(compose(words))
    decide(compose([*words, "compression.prune.score=magnitude"]))
