"""The laws that every technique keeps: vanishes, acts, resumes, exports, forgets nothing, reads every field."""

import copy
import inspect
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import pytest
import torch

import accel
from accel.config.build import build
from accel.config.compose import compose
from accel.core.compression import Compression
from accel.core.plan import Plan
from accel.errors import NoEffectError
from accel.model._tiny import byte_tokenizer
from accel.plan.decide import checked, decide
from accel.run.fit import Fitted
from accel.weights import artifact

TECHNIQUES = {
    "layers": ["compression=[layers]"],
    "prune": ["compression=[prune]"],
    "prune by movement": ["compression=[prune]", "compression.prune.score=movement"],
    "mask": ["compression=[mask]"],
    "mask by movement": ["compression=[mask]", "compression.mask.score=movement"],
    "mask 2 of 4": ["compression=[mask]", "compression.mask.pattern=2:4"],
    "mask tiles by wanda": ["compression=[mask]", "compression.mask.pattern=8x4", "compression.mask.score=wanda"],
    "vocabulary": ["compression=[vocabulary]"],
    "ptq": ["compression=[ptq]"],
    "ptq int4": ["compression=[ptq]", "compression.ptq.scheme=int4_weight_only", "compression.ptq.embedding_bits=4"],
    "qat": ["compression=[qat]"],
    "qat int8 weight only": ["compression=[qat]", "compression.qat.scheme=int8_weight_only"],
    "qat int4": ["compression=[qat]", "compression.qat.scheme=int4_weight_only", "compression.qat.symmetric=false"],
    "qat int4 with layers spared": [
        "compression=[qat]",
        "compression.qat.scheme=int4_weight_only",
        "compression.qat.spare=0.2",
    ],
    "ptq with layers spared": ["compression=[ptq]", "compression.ptq.spare=0.2"],
    "qat+lora": ["compression=[qat]", "tuning=lora"],
    "prune+qat int4": ["compression=[prune,qat]", "compression.qat.scheme=int4_weight_only"],
    "distill": ["compression=[distill]"],
    "distill by relations and nearest layers": [
        "compression=[distill]",
        "compression.distill.relations_weight=1",
        "compression.distill.hidden_match=nearest",
    ],
    "prune+qat+distill": ["compression=[prune,qat,distill]"],
    "layers+prune+mask+qat+distill": ["compression=[layers,prune,mask,qat,distill]"],
    "lora": ["tuning=lora"],
    "head": ["tuning=head"],
    "bitfit": ["tuning=bitfit"],
}
SHORT = ["trainer.max_steps=11"]
OFF = {
    "mask": ["compression=[mask]", "compression.mask.sparsity=0"],
    "layers": ["compression=[layers]", "compression.layers.keep=1"],
    "prune": ["compression=[prune]", "compression.prune.sparsity=0"],
    "distill": [
        "compression=[distill]",
        "compression.distill.logits_weight=0",
        "compression.distill.hidden_weight=0",
        "compression.distill.task_weight=1",
    ],
}


def quick(words):
    return [*words, *(f"compression.{name}.every_steps=1" for name in ("prune", "mask") if name in words[0])]


@dataclass(frozen=True)
class Trained:
    """One run with a technique, which every law looks at: nothing changes it."""

    fitted: Fitted
    losses: dict[int, float]
    folder: Path
    plan: Plan
    """After the run."""
    fresh: Plan
    """Decided anew from the same words."""


TRAINED: dict[str, Trained] = {}
PLAIN: dict[str, dict[int, float]] = {}
EVERY = 5


@pytest.fixture
def trained(tiny_run, train, monkeypatch, tmp_path_factory):
    """``trained(name)``: made once by each process that runs these tests."""

    def run(name):
        if name not in TRAINED:
            plans = []
            words = [*SHORT, f"trainer.checkpoint_every_steps={EVERY}", *quick(TECHNIQUES[name])]
            with monkeypatch.context() as patch:
                patch.setattr("accel.plan.decide.checked", lambda plan: plans.append(plan) or checked(plan))
                fitted, losses, folder = train(*words, folder=tmp_path_factory.mktemp("trained"))
            TRAINED[name] = Trained(fitted, losses, folder, plans[0], decide(compose([*tiny_run, *words])))
        return TRAINED[name]

    return run


@pytest.fixture
def plain(train):
    """The losses of a run without any technique."""
    if not PLAIN:
        PLAIN["losses"] = train(*SHORT)[1]
    return PLAIN["losses"]


@pytest.mark.parametrize("name", OFF)
def test_vanishes_at_its_off_value(train, plain, monkeypatch, name):
    monkeypatch.setattr("accel.run.fit._evidence", lambda *_: {})  # nothing to prove at the off value
    _, off, _ = train(*SHORT, *OFF[name])
    assert len(plain) == 11
    assert off == plain


@pytest.mark.parametrize("name", OFF)
def test_the_off_value_is_what_makes_it_vanish(trained, plain, name):
    """Negative control: the default setting changes the curve."""
    assert trained(name).losses != plain


@pytest.mark.parametrize("name", TECHNIQUES)
def test_acts_and_proves_it(trained, name):
    evidence = trained(name).fitted.evidence
    for technique in name.split(" ")[0].split("+"):
        assert evidence[technique]


SABOTAGE = {
    "mask": ("accel.compression.mask.Mask.callbacks", lambda self, facts: []),
    "layers": ("accel.ops.structured.depth.keep_layers", lambda model, stack, kept: None),
    "prune": ("accel.compression.prune.Prune.callbacks", lambda self, facts: []),
    "vocabulary": ("accel.ops.vocabulary.mark", lambda model, kept: None),
    "ptq": ("accel.compression.ptq.Ptq.callbacks", lambda self, facts: []),
    "qat": ("accel.compression.qat.Qat.callbacks", lambda self, facts: []),
    "distill": ("accel.compression.distill.Distill.adapt_loss", lambda self, loss, model, facts: loss),
    "lora": ("accel.ops.adapters.inject_adapter_in_model", lambda config, model, adapter_name: model),
    "head": ("accel.ops.trainable.freeze_body", lambda model: model),
    "bitfit": ("accel.ops.trainable.freeze_all_but_biases", lambda model: model),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_a_seam_that_does_nothing_fails_the_run(train, monkeypatch, name):
    monkeypatch.setattr(*SABOTAGE[name])
    with pytest.raises(NoEffectError, match=name):
        train(*SHORT, *TECHNIQUES[name])


@pytest.mark.parametrize("name", TECHNIQUES)
def test_resumes_to_the_same_losses_and_weights(trained, train, name):
    """The last checkpoint is at step 10 of 11, in the middle of an epoch of 8 batches, with dropout on."""
    whole = trained(name)
    _resumes(train, TECHNIQUES[name], EVERY, whole.fitted, whole.losses, whole.folder)


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("name", TECHNIQUES)
def test_resumes_at_the_end_of_an_epoch_too(train, name):
    words = [*SHORT, "trainer.checkpoint_every_steps=4", *quick(TECHNIQUES[name])]
    _resumes(train, TECHNIQUES[name], 4, *train(*words))


def _resumes(train, technique, every, whole, losses, folder):
    words = [*SHORT, f"trainer.checkpoint_every_steps={every}", *quick(technique)]
    resumed, rest, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    begin = every * (11 // every)
    assert sorted(rest) == list(range(begin, 11))
    assert rest == {step: loss for step, loss in losses.items() if step >= begin}
    for (key, a), b in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


def test_resume_needs_the_seed_of_the_step(train, monkeypatch):
    """Negative control: without it dropout draws other numbers after a resume."""
    words = ["trainer.max_steps=11", "trainer.checkpoint_every_steps=4"]
    _, losses, folder = train(*words)
    monkeypatch.setattr("accel.callbacks.seed_steps.SeedSteps.on_train_batch_start", lambda *a, **k: None)
    torch.manual_seed(123)
    _, rest, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert rest != {step: loss for step, loss in losses.items() if step >= 8}


# tests/compression/test_vocabulary.py does it for vocabulary, whose exported model counts ids anew.
@pytest.mark.parametrize("name", [name for name in TECHNIQUES if name != "vocabulary"])
def test_exports_to_a_module_that_agrees_with_the_trained_one(trained, tmp_path, name):
    run = trained(name)
    expecting, model = (copy.deepcopy(run.fitted.model).eval() for _ in range(2))
    for technique in run.fresh.techniques:
        model = technique.export(model)
    artifact.save_model(
        model, byte_tokenizer(segments=True), tmp_path / "out", label_names=["bad", "good"], max_length=32
    )
    reloaded = artifact.load_model(tmp_path / "out")
    ids = torch.randint(5, 250, (4, 24), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = expecting(input_ids=ids).logits, reloaded(input_ids=ids).logits
    assert type(reloaded).__module__.startswith("transformers.")
    assert (expected - found).abs().max() < (5e-4 if "qat" in name or "ptq" in name else 1e-5)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_changes_no_attribute_of_its_own_during_fit(trained, name):
    run = trained(name)
    for used, new in zip(run.plan.techniques, run.fresh.techniques, strict=True):
        assert used is not new
        assert vars(used) == vars(new)
    assert run.plan.digest() == run.fresh.digest()


OPTIONS = [
    option
    for plan in ("compression=[layers,mask,prune,qat,distill,vocabulary]",)
    for option in decide(compose([plan])).options
]
OPTIONS += [decide(compose([word])).techniques[0] for word in ("tuning=lora", "strategy=ddp")]


@cache
def sources() -> str:
    folder = Path(inspect.getsourcefile(accel)).parent
    return "\n".join(file.read_text("utf8") for file in folder.rglob("*.py"))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.option_name())
def test_reads_every_field_it_declares(option):
    """A field that no code mentions is a dead flag."""
    for field in fields(option):
        uses = sum(sources().count(use) for use in (f".{field.name}", f'["{field.name}"]', f'"{field.name}"'))
        assert uses > 0, field.name


def test_changing_any_field_changes_the_digest():
    full = "compression=[layers,mask,prune,qat,distill,vocabulary]"
    base = decide(compose([full]))
    words = [
        "mask.sparsity=0.4",
        "mask.score=movement",
        "mask.schedule=linear",
        "layers.keep=0.7",
        "layers.which=lowest",
        "prune.sparsity=0.4",
        "prune.begin=0.2",
        "prune.target_flops=0.3",
        "prune.target_size_mb=9",
        "prune.target_latency_ms=4",
        "qat.begin=0.7",
        "qat.embeddings=false",
        "qat.scheme=int4_weight_only",
        "qat.group_size=64",
        "qat.symmetric=false",
        "qat.embedding_bits=4",
        "qat.spare=0.1",
        "distill.temperature=3",
        "vocabulary.min_count=2",
    ]
    digests = {decide(compose([full, f"compression.{w}"])).digest() for w in words}
    spared = [full, "compression.qat.spare=0.1", "compression.qat.spare_of=latency", "compression.qat.begin=0.6"]
    digests.add(decide(compose(spared)).digest())
    assert len(digests) == len(words) + 1
    assert base.digest() not in digests


def test_the_order_typed_does_not_matter():
    a, b = (decide(compose([f"compression=[{w}]"])) for w in ("qat,prune,distill", "distill,qat,prune"))
    assert a == b
    assert [t.option_name() for t in a.techniques] == ["full", "prune", "qat", "distill", "single"]


def test_build_makes_equal_options_from_equal_nodes():
    node = compose(["compression=[prune]"]).compression.prune
    assert build(node, Compression, "compression.prune") == build(node, Compression, "compression.prune")
