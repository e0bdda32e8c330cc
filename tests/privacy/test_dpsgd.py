"""A private run from the command line's side: settings, equality, resuming, several processes, the record."""

import csv
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from accel.checkpoint.atomic import LAST
from accel.checkpoint.sharded import step_of
from accel.cli import main
from accel.config.compose import compose
from accel.core.facts import Facts
from accel.data import Dataset, Split
from accel.dp.book import Book
from accel.dp.ledger import LEDGER, Ledger
from accel.errors import ClaimError, DataError, PlanError, RefusedError
from accel.objective.classification import Classification
from accel.plan.decide import decide
from accel.privacy._gaussian import Accountant
from accel.privacy.dpsgd import Clipping, Dpsgd
from accel.report.metrics_file import read_metrics
from tests.forked_ranks import run_ranks
from tests.laws import Laws

LAWS = Laws(
    strong={
        "": ["privacy.logical_batch_size=32", "privacy.physical_batch_size=8", "trainer.batch_size=null",
             "trainer.batch_tokens=1024", "privacy.epsilon=null", "privacy.noise_multiplier=1", "privacy.log_figures=true"],
    },
    sabotage=("accel.dp.noise.GaussianNoise.add_", lambda self, tensors, std: None),
    resumes=False,  # a step is paid for when it is taken: what is done again is left out at the end
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("noise_is_looked_for_once")

PRIVATE = [
    "privacy=dpsgd",
    "privacy.logical_batch_size=32",
    "privacy.physical_batch_size=8",
    "trainer.batch_size=null",
    "trainer.batch_tokens=1024",
]
QUIET = [*PRIVATE, "privacy.test_seed=1", "privacy.epsilon=null", "privacy.noise_multiplier=0"]
"""Draws that repeat and no noise: for equality only."""
SHORT = ["trainer.max_steps=3"]


@pytest.mark.fault("P12", "B1")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["privacy.epsilon=0"], "positive and finite"),
        (["privacy.epsilon=null"], "exactly one"),
        (["privacy.noise_multiplier=1"], "exactly one"),
        (["privacy.epsilon=null", "privacy.noise_multiplier=0"], "without noise nothing is private"),
        (["privacy.delta=1"], r"in \(0, 1\)"),
        (["privacy.max_grad_norm=0"], "positive"),
        (["privacy.logical_batch_size=0"], "at least 1"),
        (["privacy.physical_batch_size=0"], "at least 1"),
        (["privacy.num_canaries=0"], "at least 1"),
        (["privacy.audit=true", "privacy.engine=opacus_hooks"], "norms of the bookkeeping"),
        (["privacy.public_task=nobody"], "one of"),
        (["privacy.public_task=airline"], "another task"),
        (["compression=[distill]"], "teacher"),
        (["compression=[prune]"], "scores"),
    ],
)
def test_objects_to_settings_that_cannot_be(words, text):
    with pytest.raises(PlanError, match=text):
        decide(compose(["privacy=dpsgd", *words]))


def records(count, draws=1):
    split = Split([(str(n),) for n in range(count)], [n % 2 for n in range(count)])
    return Dataset(split, split, split, ["a", "b"], "", draws=draws)


def decided(*words):
    """A plan that is decided, as far as data and noise can refuse it, before any model exists."""
    plan = decide(compose(["privacy=dpsgd", *words]))
    plan.privacy.check_records(records(2000), plan)
    plan.privacy.check_noise(records(2000), plan)


def batch_norm():
    Book(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)))


def shared_weight():
    model = torch.nn.Sequential(torch.nn.Embedding(1, 2), torch.nn.LayerNorm(2))
    model[1].weight = model[0].weight
    Book(model)


INVALID = {
    "epsilon of nothing": lambda: decided("privacy.epsilon=-1"),
    "epsilon that no noise reaches": lambda: decided("privacy.epsilon=0.06", "privacy.accountant=rdp"),
    "epsilon that is no figure": lambda: decided("privacy.epsilon=1e-9"),
    "delta of nothing": lambda: decided("privacy.delta=0"),
    "delta of one record": lambda: decided("privacy.delta=5e-4"),
    "delta of a half": lambda: decided("privacy.delta=0.5"),
    "delta that no accountant computes": lambda: decided("privacy.delta=1e-100"),
    "clipping to nothing": lambda: decided("privacy.max_grad_norm=0"),
    "no noise": lambda: decided("privacy.epsilon=null", "privacy.noise_multiplier=0"),
    "batch normalization": batch_norm,
    "a data set that is only read once": lambda: decided("task.streaming=true"),  # there is no such thing: no option
    "another sampler": lambda: decided("privacy.poisson=false"),  # likewise
    "a random source of one's own": lambda: decided("privacy.secure_rng=false"),  # likewise
    "more records in a step than there are": lambda: decided("privacy.logical_batch_size=2001"),
    "sums that are rounded before their noise": lambda: decided("strategy=fsdp", "strategy.reduce_dtype=bf16"),
    "heads of a record's gradient": lambda: decided("strategy=tensor_parallel"),
    "gradients clipped after they are added": lambda: decided("privacy.clipping=none"),
    "steps of several batches": lambda: decided("trainer.accumulate=2"),
    "weights of two layers": shared_weight,
}


@pytest.mark.fault("P12")
@pytest.mark.parametrize("name", INVALID)
def test_no_invalid_privacy_gets_as_far_as_a_model(name):
    """Row P12: all of its thirteen kinds, refused with exit code 2. Negative control: what is left alone passes."""
    with pytest.raises(RefusedError):
        INVALID[name]()


def test_a_valid_plan_passes_the_same_checks():
    decided("privacy.accountant=rdp", "privacy.delta=4.9e-4", "privacy.logical_batch_size=2000")


@pytest.mark.parametrize(
    ("words", "count", "text"),
    [
        (["privacy.delta=1e-4"], 10_000, r"delta=0\.0001 with 10000 .* Use privacy.delta=1e-5|9e-6"),
        (["privacy.logical_batch_size=500"], 400, r"more than the 400 training records.*logical_batch_size=40"),
    ],
)
def test_what_is_refused_for_so_many_records_names_what_would_do(words, count, text):
    plan = decide(compose(["privacy=dpsgd", *words]))
    with pytest.raises(DataError, match=text):
        plan.privacy.check_records(records(count), plan)


@pytest.mark.parametrize(
    ("words", "count", "said"),
    [
        ([], 10_000, []),
        (["privacy.delta=1e-5"], 10_000, []),
        (["privacy.delta=2e-5"], 10_000, ["more than 1 / (10 records) = 1.0e-05"]),
        ([], 900, ["900 training records are few"]),
        ([], 700, ["700 training records are few", "Each of the 700 records takes part in every step"]),
    ],
)
def test_what_is_weak_for_so_many_records_is_said(words, count, said):
    plan = decide(compose(["privacy=dpsgd", *words]))
    notes = plan.privacy.check_records(records(count), plan)
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))


def test_delta_is_a_tenth_of_a_record_and_batches_are_no_larger_than_the_data():
    privacy = decide(compose(["privacy=dpsgd"])).privacy
    assert privacy.delta_for(5000) == 2e-5
    assert [privacy.batch_size(n) for n in (100, 5000)] == [100, 768]


def test_splits_that_depend_on_other_rows_are_refused():
    plan = decide(compose(["privacy=dpsgd"]))
    with pytest.raises(DataError, match=r"drawn 2 times.*more than one record.*task\.test"):
        plan.privacy.check_records(records(5000, draws=2), plan)


def test_a_weak_epsilon_is_called_what_it_is():
    plan = decide(compose(["privacy=dpsgd", "privacy.epsilon=21"]))
    assert "no meaningful guarantee" in plan.describe()
    assert "no meaningful guarantee" not in decide(compose(["privacy=dpsgd", "privacy.epsilon=20"])).describe()


def test_an_audit_that_fails_ends_the_run_in_every_sink(tiny_run, tmp_path, monkeypatch, capsys):
    """With a quarter of the noise. Negative control: ``test_the_audit_is_in_the_record``."""
    from accel.dp.noise import GaussianNoise

    add = GaussianNoise.add_
    monkeypatch.setattr(GaussianNoise, "add_", lambda self, tensors, std: add(self, tensors, std / 4))
    monkeypatch.setattr("accel.dp.audit.fdp_bound", lambda *args: 0.0)
    words = [w for w in tiny_run if w != "tracker=none"] + PRIVATE
    words += ["privacy.epsilon=null", "privacy.noise_multiplier=1", "privacy.audit=true", "privacy.num_canaries=200"]
    table = tmp_path / "runs.csv"
    assert main([*words, "tracker=csv", f"tracker.file={table}"]) == 3
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (record["status"], record["privacy"]["private"], record["privacy"]["epsilon"]) == ("failed", False, None)
    assert not (tmp_path / "run" / "model").exists()
    assert main(["compare", str(tmp_path / "run"), "--columns", "status,epsilon,error"]) == 0
    sinks = [record["error"], capsys.readouterr().out, (tmp_path / "run" / "log.txt").read_text()]
    sinks.append((tmp_path / "run" / "report.html").read_text())
    for sink in sinks:
        assert "not as private as it claims" in " ".join(sink.split())
        assert "noise multiplier is 0.2" in " ".join(sink.split())
    row = next(csv.DictReader(table.open()))
    assert (row["status"], row["privacy/private"], row["privacy/audit_passed"]) == ("failed", "False", "False")
    assert "privacy/epsilon" not in row


def test_an_audit_that_left_no_result_is_no_audit():
    privacy = decide(compose(["privacy=dpsgd", "privacy.audit=true"])).privacy
    with pytest.raises(ClaimError, match="left no result"):
        privacy.check_claim({"audit": None})
    decide(compose(["privacy=dpsgd"])).privacy.check_claim({})


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["tuning=lora"],
        ["tuning=head"],
        ["tuning=bitfit"],
        ["compression=[qat]"],
        ["model=tiny_gpt2"],
        ["model=tiny_t5"],
        ["model=tiny_llama"],
    ],
    ids=str,
)
def test_trains_and_spends_what_it_may(train, words):
    fitted, losses, folder = train(*PRIVATE, *SHORT, *words)
    assert fitted.steps == 3
    assert not losses
    assert fitted.evidence["dpsgd"]["booked_layers"] > 0
    found = Ledger.read(folder / LEDGER).statement()
    assert found["private"]
    assert found["steps"] == 3
    assert 7 < found["epsilon"] <= 8
    assert found["epsilon_prv"] <= found["epsilon_rdp"]


PUBLIC = {
    "removal by weights": [
        "compression=[prune]",
        "compression.prune.start=pretrained",
        "compression.prune.score=magnitude",
        "compression.prune.every_steps=1",
    ],
    "removal by public activations": [
        "compression=[prune,qat]",
        "compression.prune.start=pretrained",
        "compression.prune.score=activation",
        "compression.prune.every_steps=1",
    ],
    "the pretrained model teaches": [
        "compression=[distill]",
        "compression.distill.teacher=pretrained",
        "compression.distill.logits_weight=0",
    ],
}


DOCUMENTS = [
    "task=language_modeling",
    "model=tiny_gpt2",
    "privacy=dpsgd",
    "tracker=none",
    "engines=[eager]",
    "trainer.max_steps=3",
    "task.block_length=16",
]


@pytest.mark.slow
def test_a_language_model_protects_whole_documents(tmp_path):
    """A step's records are documents: the statement counts them, whatever number of blocks they have."""
    texts = [" ".join(f"w{n * 7 + i}" for i in range(3 + n % 5 * 9)) for n in range(60)]
    (tmp_path / "texts.txt").write_text("\n\n".join(texts))
    words = [*DOCUMENTS, f"task.train={tmp_path / 'texts.txt'}", "privacy.physical_batch_size=4"]
    assert main([*words, f"hydra.run.dir={tmp_path / 'run'}"]) == 0
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["privacy"]["num_records"] == record["data"]["train"] < 60
    assert record["privacy"]["expected_batch_size"] == record["data"]["train"]
    assert "document" in record["privacy"]["unit"]


def test_a_document_needs_a_loss_of_its_own(tmp_path):
    (tmp_path / "texts.txt").write_text("a\n\nb")
    words = [*DOCUMENTS, f"task.train={tmp_path / 'texts.txt'}", "compression=[distill]"]
    with pytest.raises(PlanError, match="depends on the lengths of others"):
        decide(compose([*words, "compression.distill.teacher=pretrained"]))


@pytest.fixture
def run(tiny_run, tmp_path):
    """``run(words)``: the record of a whole private run."""

    def record(*words):
        assert main([*tiny_run, *PRIVATE, *words]) == 0
        return json.loads((tmp_path / "run" / "result.json").read_text())

    return record


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC)
def test_compresses_by_what_everybody_may_know(run, tmp_path, name):
    text = tmp_path / "public.txt"
    text.write_text("\n".join(f"a public line of text, number {i}" for i in range(40)))
    words = [*PUBLIC[name], *([f"compression.prune.public_text={text}"] if "activations" in name else [])]
    record = run(*words)
    assert record["status"] == "finished"
    assert record["privacy"]["epsilon"] <= 8
    assert (record["before"] or {"model": "pretrained"})["model"] == "pretrained"
    evidence = {t["name"]: t["evidence"] for t in record["techniques"]}
    if "prune" in evidence:
        assert evidence["prune"]["removed_fraction"] > 0.4
    if "distill" in evidence:
        assert not evidence["distill"]  # it acted, else the run had failed; distances of private records are not told


def test_a_model_notes_what_it_was_trained_on_and_what_was_spent(run, tmp_path):
    from accel.weights.meta import read_meta
    from accel.weights.provenance import plain

    record = run()
    meta = read_meta(tmp_path / "run" / "model")
    (entry,) = meta.trained_on
    assert meta.private
    assert (entry.name, entry.epsilon) == ("tiny.csv", record["privacy"]["epsilon"])
    assert entry.fingerprint
    assert record["privacy"]["trained_on"] == plain([entry])
    assert "tiny.csv (epsilon" in (tmp_path / "run" / "report.html").read_text()
    assert not (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()  # private examples would choose it


def test_opacus_hooks_train_the_same_model(train, no_dropout):
    words = [*QUIET, *SHORT, "trainer.precision=fp64"]
    ours, _, _ = train(*words)
    theirs, _, _ = train(*words, "privacy.engine=opacus_hooks")
    for (name, a), b in zip(ours.model.state_dict().items(), theirs.model.state_dict().values(), strict=True):
        assert (a - b).abs().max() < 1e-6, name


@pytest.mark.slow
def test_the_audit_is_in_the_record(run, tmp_path):
    record = run("privacy.audit=true", "privacy.num_canaries=200")
    found = record["privacy"]["audit"]
    assert found["canaries"] == 200
    assert found["passed"]
    assert found["epsilon_lower"] <= record["privacy"]["epsilon"]
    assert found["noise_multiplier"]["seen"] == pytest.approx(record["privacy"]["noise_multiplier"], rel=0.15)
    assert "at least" in (tmp_path / "run" / "report.html").read_text()


def test_physical_batches_change_nothing(train, no_dropout):
    """The logical batch is what is private; how it is cut is a matter of memory."""
    words = [*QUIET, *SHORT, "trainer.precision=fp64"]
    weights = []
    for size in (4, 32):
        torch.manual_seed(size)
        fitted, _, _ = train(*words, f"privacy.physical_batch_size={size}")
        weights.append(fitted.model.state_dict())
    for (name, a), b in zip(weights[0].items(), weights[1].values(), strict=True):
        # factors come from norms in fp32, and AdamW divides small gradients by their own size
        assert (a - b).abs().max() < 1e-4, name


@pytest.fixture
def no_dropout(monkeypatch):
    """Dropout draws by row and shape, so it differs between ways to cut a batch."""
    attention = torch.nn.functional.scaled_dot_product_attention

    def without(*args, **kwargs):
        return attention(*args, **{**kwargs, "dropout_p": 0.0})

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", without)
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda self, x: x)


def test_noise_moves_the_weights(train):
    """Negative control of the equality above."""
    words = [*PRIVATE, *SHORT, "privacy.test_seed=1"]
    noisy, _, _ = train(*words)
    quiet, _, _ = train(*QUIET, *SHORT)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(noisy.model.state_dict().values(), quiet.model.state_dict().values(), strict=True)
    )


def test_two_private_runs_with_one_seed_differ(train):
    """The run's seed must not fix the noise."""
    one, _, _ = train(*PRIVATE, *SHORT)
    two, _, _ = train(*PRIVATE, *SHORT)
    assert not torch.equal(one.model.classifier.weight, two.model.classifier.weight)


def test_a_resumed_run_counts_the_steps_it_repeats_and_ends_when_they_are_spent(train, monkeypatch, tmp_path):
    words = [*PRIVATE, "trainer.max_steps=8", "trainer.checkpoint_every_steps=3"]

    class KilledError(BaseException):
        pass

    from accel.dp.step import PrivateStep

    original = PrivateStep.__call__

    def killed(self, batch):
        if self.ledger.charged == 5:
            raise KilledError
        return original(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(PrivateStep, "__call__", killed)
        with pytest.raises(KilledError):
            train(*words)
    folder = next(tmp_path.glob("fit*"))
    assert Ledger.read(folder / LEDGER).charged == 5
    fitted, _, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt", folder=folder)
    assert Ledger.read(folder / LEDGER).charged == 8
    assert fitted.steps == 6  # three before the checkpoint, two lost, three more: eight were paid for


def test_without_its_ledger_a_run_does_not_resume(train):
    words = [*PRIVATE, "trainer.max_steps=4", "trainer.checkpoint_every_steps=2"]
    _, _, folder = train(*words)
    (folder / LEDGER).unlink()
    with pytest.raises(DataError, match="nobody knows"):
        train(*words, checkpoint=folder / "checkpoints" / "last.ckpt", folder=folder)


@pytest.mark.slow
def test_no_file_of_a_run_holds_a_key_of_its_noise_or_draws(train, monkeypatch):
    from accel.dp import keystream

    keys = []
    original = keystream.secrets.token_bytes
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: keys.append(original(count)) or keys[-1])
    _, _, folder = train(*PRIVATE, "trainer.max_steps=2", "privacy.audit=true", "privacy.num_canaries=20")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {"last.ckpt", LEDGER} <= {file.name for file in files}
    assert len(keys) > 10
    for file in files:
        written = file.read_bytes()
        assert not any(form in written for key in keys for form in (key, key[:8], key.hex().encode())), file


@pytest.mark.parametrize("told", [False, True])
def test_figures_without_noise_are_logged_only_if_asked_for(train, told):
    """The control is the run that asks for them."""
    _, _, folder = train(*PRIVATE, "trainer.max_steps=2", f"privacy.log_figures={str(told).lower()}")
    names = set(read_metrics(folder / "metrics.csv"))
    assert {"train/loss", "train/clipped_share", "validation/accuracy"} <= names if told else names == {
        "train/noise_multiplier", "train/learning_rate"
    }  # fmt: skip
    assert not (folder / "checkpoints" / "best.ckpt").exists()
    options = decide(compose(["privacy=dpsgd", f"privacy.log_figures={str(told).lower()}"]))
    outside = options.privacy.statement(folder)["outside_the_guarantee"]
    assert any("while training" in line for line in outside) == told


@pytest.mark.parametrize(
    ("noise", "words", "acted"),
    [
        ([0.8, 0.8], [], True),
        ([0.8, 0.0], [], False),
        ([0.0, 0.0], [], False),
        ([], [], False),
        ([0.0, 0.0], ["privacy.test_seed=1"], True),
        ([], ["privacy.test_seed=1"], False),
    ],
)
def test_its_evidence_is_noise_at_every_step(noise, words, acted):
    privacy = decide(compose(["privacy=dpsgd", "privacy.engine=opacus_hooks", *words])).privacy
    history = {"noise_multiplier": noise, "clipped_share": [0.0, 0.0]}
    assert privacy.evidence(torch.nn.Linear(2, 2), history).acted == acted


def test_the_record_states_the_guarantee(run, tmp_path):
    record = run("compression=[qat]")
    assert record["choices"]["privacy"] == "dpsgd"
    assert record["before"]["model"] == "pretrained"
    for key in (
        "epsilon",
        "delta",
        "accountant",
        "noise_multiplier",
        "max_grad_norm",
        "sample_rate",
        "steps",
        "unit",
        "sampling",
        "secure_rng",
    ):
        assert key in record["privacy"]
    assert record["privacy"]["epsilon"] <= 8
    assert "epsilon" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_two_processes_spend_the_same(tiny_run, tmp_path):
    words = [w for w in tiny_run if not w.startswith("hydra.run.dir")] + PRIVATE
    records = {
        name: run_ranks([*words, f"strategy={name}", f"hydra.run.dir={tmp_path / name}"], tmp_path, n).record(
            tmp_path / name
        )
        for name, n in {"single": 1, "ddp": 2, "fsdp": 2}.items()
    }
    assert len({record["privacy"]["epsilon"] for record in records.values()}) == 1
    assert {record["privacy"]["steps"] for record in records.values()} == {8}


@pytest.mark.slow
def test_a_sharded_run_goes_on_with_its_ledger_and_fresh_noise(tiny_run, tmp_path):
    """It ends after step 6 of 8, once on two processes again; its canaries see the claimed noise all the same."""
    words = [w for w in tiny_run if not w.startswith("hydra.run.dir")] + PRIVATE
    words += ["strategy=fsdp", "privacy.audit=true", "privacy.num_canaries=200", "trainer.checkpoint_every_steps=3"]
    whole, half = tmp_path / "whole", tmp_path / "half"
    once = run_ranks([*words, f"hydra.run.dir={whole}"], tmp_path).record(whole)
    shutil.copytree(whole, half)
    shutil.rmtree(half / "model")
    assert step_of(half / "checkpoints" / LAST) == 6
    ledger = (half / LEDGER).read_text().splitlines()
    (half / LEDGER).write_text("\n".join(ledger[: 1 + 6]) + "\n")
    again = run_ranks([*words, f"hydra.run.dir={half}", f"resume={half}"], tmp_path).record(half)
    assert (half / LEDGER).read_text().splitlines() == ledger
    for key in ("epsilon", "steps", "noise_multiplier"):
        assert once["privacy"][key] == again["privacy"][key]
    assert again["privacy"]["audit"]["passed"]
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (whole, half)]
    assert any((weights[0][name] != weights[1][name]).any() for name in weights[0])


@pytest.mark.parametrize(("delta", "expected"), [(1e-7, 1e-7), (None, 1 / 2000)])
def test_the_noise_and_the_statement_are_for_the_delta_that_was_asked_for(monkeypatch, delta, expected):
    asked = {}
    monkeypatch.setattr("accel.dp.accountant.sigma_for", lambda accountant, **told: asked.update(told) or 1.5)
    option = Dpsgd(delta=delta, epsilon=3.0, logical_batch_size=50)
    facts = Facts(12, 200, Classification(["a", "b"]), 1, 0, None)
    found = option.mechanism(facts)
    assert asked == {"epsilon": 3.0, "sample_rate": 0.25, "steps": 12, "delta": expected}
    assert (found.delta, found.noise_multiplier, found.epsilon_target) == (expected, 1.5, 3.0)
    assert (found.sample_rate, found.expected_batch_size, found.num_records, found.steps) == (0.25, 50, 200, 12)
    assert (found.max_grad_norm, found.clipping, found.accountant, found.test_mode) == (6.0, "flat", "prv", False)


def test_settings_reach_the_mechanism():
    """Each changed alone, so that none stands for another."""
    facts = Facts(12, 200, Classification(["a", "b"]), 1, 0, None)
    plain = Dpsgd(epsilon=None, noise_multiplier=0.8).mechanism(facts)
    changes = {
        "max_grad_norm": (2.0, 2.0), "clipping": (Clipping.automatic, "automatic"), "delta": (1e-9, 1e-9),
        "accountant": (Accountant.rdp, "rdp"), "noise_multiplier": (0.5, 0.5),
    }  # fmt: skip
    for name, (value, stated) in changes.items():
        found = replace(Dpsgd(epsilon=None, noise_multiplier=0.8), **{name: value}).mechanism(facts)
        assert found == replace(plain, **{name: stated})
    assert Dpsgd(epsilon=None, noise_multiplier=0.8, test_seed=1).mechanism(facts).test_mode


def test_records_are_drawn_at_the_rate_that_is_accounted_for(monkeypatch):
    """Whatever is computed at once, and however many processes share the draws."""
    asked = {}
    monkeypatch.setattr("accel.dp.poisson.PoissonLoader", lambda *_, **told: asked.update(told))
    option = Dpsgd(
        logical_batch_size=50, physical_batch_size=8, audit=True, num_canaries=20, epsilon=None, noise_multiplier=1.0
    )
    facts = Facts(12, 200, Classification(["a", "b"]), 2, 0, None)
    loader = SimpleNamespace(
        dataset=SimpleNamespace(lengths=[], records=None), collate_fn=None, order=SimpleNamespace(rank=1)
    )
    option.adapt_loader(loader, facts)
    assert asked["sample_rate"] == option.mechanism(facts).sample_rate == 0.25
    assert (asked["physical_batch_size"], asked["steps"], asked["canaries"], asked["test_seed"]) == (8, 4, 20, None)
    assert (asked["rank"], asked["world_size"]) == (1, 2)
