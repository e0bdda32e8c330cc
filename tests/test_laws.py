"""The laws that every technique keeps: vanishes, acts, resumes, exports, forgets nothing, reads every field."""

import copy
import inspect
from dataclasses import fields

import pytest
import torch

from accel import artifact
from accel.build import build
from accel.compose import compose
from accel.compression import Compression
from accel.errors import NoEffectError
from accel.plan import decide
from accel.tiny import byte_tokenizer

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
SHORT = ["trainer.max_steps=12"]
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


@pytest.mark.parametrize("name", OFF)
def test_vanishes_at_its_off_value(train, monkeypatch, name):
    monkeypatch.setattr("accel.fit._evidence", lambda *_: {})  # nothing to prove at the off value
    _, plain, _ = train(*SHORT)
    _, off, _ = train(*SHORT, *OFF[name])
    assert len(plain) == 12
    assert off == plain


@pytest.mark.parametrize("name", OFF)
def test_the_off_value_is_what_makes_it_vanish(train, name):
    """Negative control: the default setting changes the curve."""
    _, plain, _ = train(*SHORT)
    _, on, _ = train(*SHORT, *quick(TECHNIQUES[name]))
    assert on != plain


@pytest.mark.parametrize("name", TECHNIQUES)
def test_acts_and_proves_it(train, name):
    fitted, _, _ = train(*SHORT, *quick(TECHNIQUES[name]))
    for technique in name.split(" ")[0].split("+"):
        assert fitted.evidence[technique]


SABOTAGE = {
    "mask": ("accel.compression.mask.Mask.callbacks", lambda self, facts: []),
    "layers": ("accel.ops.depth.keep_layers", lambda model, stack, kept: None),
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
@pytest.mark.parametrize("every", [5, pytest.param(4, marks=(pytest.mark.slow, pytest.mark.full))])
def test_resumes_to_the_same_losses_and_weights(train, name, every):
    """The last checkpoint is at step 8 or 10 of 11, in the middle of an epoch of 8 batches, with dropout on."""
    words = ["trainer.max_steps=11", f"trainer.checkpoint_every_steps={every}", *quick(TECHNIQUES[name])]
    whole, losses, folder = train(*words)
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
def test_exports_to_a_module_that_agrees_with_the_trained_one(train, tmp_path, name):
    fitted, _, _ = train(*SHORT, *quick(TECHNIQUES[name]))
    trained = copy.deepcopy(fitted.model).eval()
    plan = decide(compose([f"task.train={tmp_path}", "task=text_classification", "model=tiny_bert", *TECHNIQUES[name]]))
    model = fitted.model.eval()
    for technique in plan.techniques:
        model = technique.export(model)
    artifact.save_model(
        model, byte_tokenizer(segments=True), tmp_path / "out", label_names=["bad", "good"], max_length=32
    )
    reloaded = artifact.load_model(tmp_path / "out")
    ids = torch.randint(5, 250, (4, 24), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = trained(input_ids=ids).logits, reloaded(input_ids=ids).logits
    assert type(reloaded).__module__.startswith("transformers.")
    assert (expected - found).abs().max() < (5e-4 if "qat" in name or "ptq" in name else 1e-5)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_changes_no_attribute_of_its_own_during_fit(tiny_run, train, monkeypatch, name):
    seen = []
    import accel.plan

    check = accel.plan.Plan.check
    monkeypatch.setattr(accel.plan.Plan, "check", lambda self: seen.append(self) or check(self))
    words = [*SHORT, *quick(TECHNIQUES[name])]
    train(*words)
    fresh = decide(compose([*tiny_run, *words]))
    for used, new in zip(seen[0].techniques, fresh.techniques, strict=True):
        assert vars(used) == vars(new)
    assert seen[0].digest() == fresh.digest()


OPTIONS = [
    option
    for plan in ("compression=[layers,mask,prune,qat,distill,vocabulary]",)
    for option in decide(compose([plan])).options
]
OPTIONS += [decide(compose([word])).techniques[0] for word in ("tuning=lora", "strategy=ddp")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.option_name())
def test_reads_every_field_it_declares(option):
    """A field that no code mentions is a dead flag."""
    import accel

    package = inspect.getsourcefile(accel).rsplit("/", 1)[0]
    from pathlib import Path

    sources = "\n".join(p.read_text() for p in Path(package).rglob("*.py"))
    for field in fields(option):
        uses = sources.count(f".{field.name}") + sources.count(f'["{field.name}"]') + sources.count(f'"{field.name}"')
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
