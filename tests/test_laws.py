"""The laws that every technique keeps: vanishes, acts, resumes, exports, forgets nothing, reads every field."""

import copy
import inspect
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import cache
from pathlib import Path

import pytest
import torch

import accel
from accel.config.build import build
from accel.config.compose import compose, options_of
from accel.core.compression import Compression
from accel.core.facts import Evidence
from accel.core.plan import Plan
from accel.core.technique import Stage, Technique
from accel.errors import NoEffectError
from accel.model._tiny import byte_tokenizer
from accel.objective.classification import Classification
from accel.plan.decide import assemble, checked, decide
from accel.run.fit import Fitted
from accel.weights import artifact
from tests.forked_ranks import run_ranks
from tests.laws import GROUPS, cases, laws, words_of
from tests.test_conf import FILES, class_of

SHORT = ["trainer.max_steps=11"]
LAWS = {option: own for option, own in laws().items() if own is not None}
CASES = {case.name: case for case in cases()}
ALONE = [option for option, own in LAWS.items() if own.processes == 1]
TOGETHER = [option for option, own in LAWS.items() if own.processes > 1]
OFF = {option: words_of(option, own.off) for option, own in LAWS.items() if own.off is not None}


def test_every_option_that_must_prove_something_declares_its_laws():
    """And none has laws that has nothing to prove; a new file in conf/ without them fails before any test runs."""
    acting = {f.stem for f in FILES if f.parent.name in GROUPS and class_of(f).evidence is not Technique.evidence}
    assert acting == set(LAWS)
    assert [*dict.fromkeys(case.option for case in CASES.values())] == ALONE
    assert all(own.strong for own in LAWS.values())


def proves(technique):
    return type(technique).evidence is not Technique.evidence


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
EVERY = 5


@pytest.fixture
def trained(tiny_run, train, monkeypatch, tmp_path_factory):
    """``trained(name)``: made once by each process that runs these tests."""

    def run(name):
        if name not in TRAINED:
            plans = []
            words = [*SHORT, f"trainer.checkpoint_every_steps={EVERY}", *CASES[name].words] if name else SHORT
            with monkeypatch.context() as patch:
                patch.setattr("accel.plan.decide.checked", lambda plan: plans.append(plan) or checked(plan))
                fitted, losses, folder = train(*words, folder=tmp_path_factory.mktemp("trained"))
            TRAINED[name] = Trained(fitted, losses, folder, plans[0], decide(compose([*tiny_run, *words])))
        return TRAINED[name]

    return run


@pytest.fixture
def plain(trained):
    """A run without any technique."""
    return trained("")


@pytest.mark.parametrize("name", OFF)
def test_vanishes_at_its_off_value(train, plain, monkeypatch, name):
    monkeypatch.setattr("accel.run.fit._evidence", lambda *_: {})  # nothing to prove at the off value
    _, off, _ = train(*SHORT, *OFF[name])
    assert len(plain.losses) == 11
    assert off == plain.losses


@pytest.mark.parametrize("name", CASES)
def test_acts_and_proves_it(trained, plain, name):
    """It says so, and it is so: the losses are others than without it, or else what is exported is."""
    run = trained(name)
    proven = {t.option_name() for t in run.fresh.techniques if proves(t) and t.group in GROUPS}
    assert CASES[name].option in proven
    assert all(run.fitted.evidence[technique] for technique in proven)
    assert differs(run.losses, run.fitted.model, run.fresh, plain)


def differs(losses, model, plan, plain):
    return losses != plain.losses or not same_weights(exported(model, plan), plain.fitted.model)


def exported(model, plan):
    model = copy.deepcopy(model)
    for technique in plan.techniques:
        model = technique.export(model)
    return model


def same_weights(a, b):
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@dataclass(kw_only=True)
class Idle(Compression):
    """Does nothing, and claims to have acted."""

    stage = Stage.SPARSIFY

    def evidence(self, model, history):
        return Evidence(acted=True, figures={"parameters": len(list(model.parameters())), "losses": len(history)})


def test_a_technique_that_only_claims_to_act_is_found_out(train, plain, monkeypatch):
    """Negative control: the run itself believes it."""
    idle = replace(plain.fresh, compression=(Idle(),))
    monkeypatch.setattr("accel.plan.decide.assemble", lambda *_: idle)
    fitted, losses, _ = train(*SHORT)
    assert fitted.evidence["test_laws"]
    assert not differs(losses, fitted.model, idle, plain)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.slow
def test_a_seam_that_does_nothing_fails_the_run(train, monkeypatch, name):
    monkeypatch.setattr(*LAWS[name].sabotage)
    settings = next(iter(LAWS[name].strong.values()))
    with pytest.raises(NoEffectError, match=name):
        train(*SHORT, *words_of(name, settings))


@pytest.mark.parametrize("name", TOGETHER)
def test_processes_that_do_nothing_together_are_found_out(tiny_run, monkeypatch, name):
    """Its evidence on a model that nobody trained: with as many processes as it wants, and with the sabotage."""
    plan = decide(compose([*tiny_run, *words_of(name)]))
    model = plan.model.network(Classification(["bad", "good"]))
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: LAWS[name].processes)
    assert plan.strategy.num_processes() == LAWS[name].processes
    assert plan.strategy.evidence(model, {}).acted
    monkeypatch.setattr(*LAWS[name].sabotage)
    assert not plan.strategy.evidence(model, {}).acted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"), [(name, settings) for name in TOGETHER for settings in LAWS[name].strong.values()], ids=str
)
def test_processes_act_together_and_prove_it(tiny_run, tmp_path, name, settings):
    """And what they export agrees with what they trained."""
    own = LAWS[name]
    record = run_ranks([*tiny_run, *words_of(name, settings)], tmp_path, own.processes).record(tmp_path / "run")
    assert {t["name"]: t["evidence"] for t in record["techniques"]}[name]["world_size"] == own.processes
    assert record["exports"][0]["max_abs_diff"] < own.agrees_within


@pytest.mark.slow
@pytest.mark.fault("R1")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if LAWS[case.option].resumes])
def test_resumes_to_the_same_losses_and_weights(trained, train, name):
    """The last checkpoint is at step 10 of 11, in the middle of an epoch of 8 batches, with dropout on."""
    whole = trained(name)
    _resumes(train, CASES[name].words, EVERY, whole.fitted, whole.losses, whole.folder)


@pytest.mark.fault("R1")
@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if LAWS[case.option].resumes])
def test_resumes_at_the_end_of_an_epoch_too(train, name):
    words = [*SHORT, "trainer.checkpoint_every_steps=4", *CASES[name].words]
    _resumes(train, CASES[name].words, 4, *train(*words))


def _resumes(train, technique, every, whole, losses, folder):
    words = [*SHORT, f"trainer.checkpoint_every_steps={every}", *technique]
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


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if LAWS[case.option].agrees_within is not None])
def test_exports_to_a_module_that_agrees_with_the_trained_one(trained, tmp_path, name):
    run = trained(name)
    expecting, model = copy.deepcopy(run.fitted.model).eval(), exported(run.fitted.model, run.fresh).eval()
    artifact.save_model(
        model, byte_tokenizer(segments=True), tmp_path / "out", label_names=["bad", "good"], max_length=32
    )
    reloaded = artifact.load_model(tmp_path / "out")
    ids = torch.randint(5, 250, (4, 24), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = expecting(input_ids=ids).logits, reloaded(input_ids=ids).logits
    assert type(reloaded).__module__.startswith("transformers.")
    assert (expected - found).abs().max() < LAWS[CASES[name].option].agrees_within


@pytest.mark.parametrize("name", CASES)
@pytest.mark.slow
def test_changes_no_attribute_of_its_own_during_fit(trained, name):
    run = trained(name)
    for used, new in zip(run.plan.techniques, run.fresh.techniques, strict=True):
        assert used is not new
        assert vars(used) == vars(new)
    assert run.plan.digest() == run.fresh.digest()


@cache
def sources() -> str:
    folder = Path(inspect.getsourcefile(accel)).parent
    return "\n".join(file.read_text("utf8") for file in folder.rglob("*.py"))


@pytest.mark.parametrize("cls", sorted({class_of(file) for file in FILES}, key=lambda c: c.__module__))
def test_reads_every_field_it_declares(cls):
    """A field that no code mentions is a dead flag."""
    for field in fields(cls):
        uses = sum(sources().count(use) for use in (f".{field.name}", f'["{field.name}"]', f'"{field.name}"'))
        assert uses > 0, field.name


def everything():
    """One plan with as many options as a plan can hold, whatever the rules say."""
    words = ["tuning=lora", "strategy=ddp", "privacy=dpsgd", f"compression=[{','.join(options_of('compression'))}]"]
    return assemble(compose(words))


SETTINGS = [(o, field.name) for o in everything().options for field in fields(o)]


def test_changing_any_field_changes_the_digest():
    whole = everything()
    digests = [changed(whole, option, name).digest() for option, name in SETTINGS]
    assert len({whole.digest(), *digests}) == len(SETTINGS) + 1


def changed(plan, option, name):
    """The plan with another value of a setting, whether it makes sense or not."""
    other, group = replace(option, **{name: another(getattr(option, name))}), type(option).group
    chosen = getattr(plan, group)
    return replace(plan, **{group: tuple(other if c == option else c for c in chosen) if option.several else other})


def another(value):
    if isinstance(value, Enum):
        return next((member for member in type(value) if member is not value), None)
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"other than {value}"


def test_the_order_typed_does_not_matter():
    a, b = (decide(compose([f"compression=[{w}]"])) for w in ("qat,prune,distill", "distill,qat,prune"))
    assert a == b
    assert [t.option_name() for t in a.techniques] == ["full", "prune", "qat", "distill", "single"]


def test_build_makes_equal_options_from_equal_nodes():
    node = compose(["compression=[prune]"]).compression.prune
    assert build(node, Compression, "compression.prune") == build(node, Compression, "compression.prune")
