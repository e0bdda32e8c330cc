"""Twenty ways to break the guarantee, each of which must set off an alarm, and twenty clean seeds, which must not.

The battery is the fast part of what the other tests of this folder ask, on one small model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chi2, kstest
from torch import nn

from accel.dp import audit as auditing
from accel.dp import clipping, keystream, ledger, noise, pages, step
from accel.dp.book import Book
from accel.dp.canaries import Canaries
from accel.dp.ledger import Ledger
from accel.dp.mechanism import Mechanism
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch, PoissonLoader
from accel.dp.step import PrivateStep
from accel.errors import AccelError

RECORDS, WORDS, TOKENS = 24, 7, 5
RATE, SIGMA, BOUND, STEPS = 0.25, 1.1, 0.05, 12
CHANCE = 1e-5
"""Of a false alarm, for each statistical question."""


class Tagger(nn.Module):
    """Repeated words, a normalization and two linear layers: every kind of page."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.norm = nn.LayerNorm(8)
        self.inner = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, ids):
        hidden = self.norm(self.words(ids))
        return self.head(torch.tanh(self.inner(hidden)).mean(1))


def mechanism(sigma=SIGMA, **changes):
    fixed = {
        "noise_multiplier": sigma,
        "max_grad_norm": BOUND,
        "clipping": "flat",
        "sample_rate": RATE,
        "expected_batch_size": RATE * RECORDS,
        "num_records": RECORDS,
        "steps": STEPS,
        "delta": 1e-5,
        "accountant": "prv",
        "epsilon_target": None,
        "test_mode": False,
    }
    return Mechanism(**{**fixed, **changes})


def records(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, WORDS, (RECORDS, TOKENS), generator=generator), torch.arange(RECORDS) % 2


def private(seed, sigma, canaries=0):
    torch.manual_seed(seed)
    model = Tagger().double()
    book = Book(model)

    def score(batch):
        return {"loss": F.cross_entropy(model(batch["ids"]), batch["labels"])}

    claim = mechanism(sigma)
    birds = Canaries(book, canaries, claim) if canaries else None
    return model, PrivateStep(score, book, Ledger(None, claim), GaussianNoise(), birds)


def parts(ids, labels, size=10):
    return [
        ({"ids": i, "labels": y}, torch.ones(len(i))) for i, y in zip(ids.split(size), labels.split(size), strict=True)
    ]


def by_the_loop(model, ids, labels):
    """The clipped sum, one record at a time, by nothing but autograd."""
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for row, label in zip(ids, labels, strict=True):
        model.zero_grad()
        F.cross_entropy(model(row[None]), label[None]).backward()
        norm = sum(p.grad.pow(2).sum() for p in model.parameters()).sqrt()
        for name, p in model.named_parameters():
            sums[name] += p.grad * min(1.0, BOUND / float(norm))
    return {name: total / (RATE * RECORDS) for name, total in sums.items()}


def wrong_gradient(seed) -> bool:
    """Sums differ from the loop's, in two physical batches with a row that only fills up."""
    ids, labels = records(seed)
    torch.manual_seed(seed)
    wanted = by_the_loop(Tagger().double(), ids, labels)
    model, taken = private(seed, 0.0)
    filled = [*parts(ids, labels, 20), ({"ids": ids[:1], "labels": labels[:1]}, torch.zeros(1))]
    for _ in range(2):  # the second step must not remember the first
        model.zero_grad()
        taken(LogicalBatch(filled))["loss"].backward()
    scale = max(float(w.norm()) for w in wanted.values())
    return any(float((p.grad - wanted[n]).norm()) > 1e-4 * scale for n, p in model.named_parameters())


def wrong_noise(seed) -> bool:
    """With an empty draw a step is noise alone: its size, its shape, and fresh every time."""
    ids, labels = records(seed)
    nothing = LogicalBatch([({"ids": ids[:1], "labels": labels[:1]}, torch.zeros(1))])
    released = []
    for _ in range(2):
        model, taken = private(seed, SIGMA)
        for _ in range(3):
            taken(nothing)["loss"].backward()
            released.append(torch.cat([p.grad.flatten() for p in model.parameters()]) * RATE * RECORDS)
    together = torch.cat(released) / (SIGMA * BOUND)
    energy = float(chi2.cdf(float(together.square().sum()), len(together)))
    repeats = len(torch.unique(together)) < 0.9 * len(together)  # a grid of some 10,000 points has a few by chance
    return repeats or not CHANCE < energy < 1 - CHANCE or kstest(together.numpy(), "norm").pvalue < CHANCE


def wrong_sampling(seed) -> bool:
    """Sizes of the draws are binomial, with a variance that no fixed batch has."""
    ids, _ = records(seed)
    draws = PoissonLoader(ids, np.ones(RECORDS), torch.stack, sample_rate=RATE, steps=9, physical_batch_size=8)
    sizes = np.array([len(draws.draw()) for _ in range(2000)])
    variance = RECORDS * RATE * (1 - RATE)
    z = (sizes.mean() - RECORDS * RATE) / (variance / len(sizes)) ** 0.5
    return abs(z) > 4.5 or not 0.8 * variance < sizes.var() < 1.2 * variance


def wrong_ledger(seed, folder) -> bool:
    """What is spent is on disk before it is spent, and a resumed run goes on from there."""
    ids, labels = records(seed)
    model, taken = private(seed, SIGMA)
    taken.ledger = Ledger.open(folder, mechanism(), resumed=False)
    on_disk = []

    def spy(batch):
        on_disk.append(Ledger.read(folder / ledger.LEDGER).charged)
        return {"loss": F.cross_entropy(model(batch["ids"]), batch["labels"])}

    taken.score = spy
    for _ in range(3):
        taken(LogicalBatch(parts(ids, labels, RECORDS)))
    resumed = Ledger.open(folder, mechanism(), resumed=True)
    return on_disk != [1, 2, 3] or resumed.charged != 3


def wrong_epsilon(seed) -> bool:
    """Against a figure of another library: dp-accounting's for sigma 1, q 0.05, 500 steps at delta 1e-5."""
    del seed
    stated = ledger.Ledger(None, mechanism(1.0, sample_rate=0.05, steps=500), charged=500).statement()["epsilon"]
    return not 7.5236 <= stated <= 7.6742


def poisoned(seed) -> bool:
    """One record without a finite gradient must leave the others' sum alone."""
    ids, labels = records(seed)
    model, taken = private(seed, 0.0)
    score = taken.score

    def infinite(batch):
        hidden = model(batch["ids"])
        weights = torch.ones(len(hidden), dtype=hidden.dtype)
        weights[0] = torch.inf
        return {"loss": (F.cross_entropy(hidden, batch["labels"], reduction="none") * weights).mean()}

    taken.score = infinite
    taken(LogicalBatch(parts(ids, labels, RECORDS)))["loss"].backward()
    taken.score = score
    return any(not p.grad.isfinite().all() for p in model.parameters())


def told_by_canaries(seed) -> bool:
    """The audit of two short runs: a clean run fails it hardly ever, two never."""
    return all(fails_its_audit(seed) for _ in range(2))


def fails_its_audit(seed) -> bool:
    ids, labels = records(seed)
    _, taken = private(seed, SIGMA, canaries=300)
    draws = PoissonLoader(
        range(RECORDS),
        np.ones(RECORDS),
        lambda rows: {"ids": ids[list(rows)], "labels": labels[list(rows)]},
        sample_rate=RATE,
        steps=STEPS,
        physical_batch_size=64,
        canaries=300,
    )
    for batch in draws:
        taken(batch)["loss"].backward()
    return not auditing.audit(taken.canaries.observed(), taken.ledger.mechanism).passed


def alarms(seed, folder) -> Iterator[str]:
    """The names of the questions that something is wrong with."""
    asked: dict[str, Callable[[], bool]] = {
        "gradient": lambda: wrong_gradient(seed),
        "noise": lambda: wrong_noise(seed),
        "sampling": lambda: wrong_sampling(seed),
        "ledger": lambda: wrong_ledger(seed, folder),
        "epsilon": lambda: wrong_epsilon(seed),
        "poison": lambda: poisoned(seed),
        "canaries": lambda: told_by_canaries(seed),
    }
    for name, ask in asked.items():
        try:
            if ask():
                yield name
        except (RuntimeError, ValueError, AccelError):
            yield name


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 20))])
def test_a_clean_run_sets_off_no_alarm(tmp_path, seed):
    assert not list(alarms(seed, tmp_path))


def merged_late(page, entry, grams):
    """A word that occurs twice counts as two."""
    return entry.g.pow(2).sum((1, 2))


def without(name):
    original = getattr(pages, name).squared_norms

    def zeros(page, entry, grams):
        return torch.zeros_like(original(page, entry, grams))

    return zeros


def no_bias(page, entry, grams):
    return page._weight_norms(entry.x, entry.g, grams)


def fixed_size(draws):
    return np.random.default_rng().choice(len(draws.lengths) + draws.canaries, round(RATE * RECORDS), replace=False)


def twice_as_often(draws):
    return np.nonzero(np.random.default_rng().random(len(draws.lengths) + draws.canaries) < 2 * RATE)[0]


def shuffled_epochs(draws):
    """Every record once an epoch, in batches of one size; claimed as Poisson it leaks more than is said."""
    everything = len(draws.lengths) + draws.canaries
    if not len(draws.__dict__.get("order", ())):
        draws.order = np.random.default_rng().permutation(everything)
    batch, draws.order = np.split(draws.order, [round(RATE * everything)])
    return batch


def scaled_noise(factor):
    original = GaussianNoise.add_
    return lambda self, tensors, std: original(self, tensors, std * factor)


def same_noise(self, tensors, std):
    for tensor in tensors:
        tensor.add_(
            torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0), dtype=tensor.dtype), alpha=std
        )


def one_generator_per_tensor(self, tensors, std):
    """Every tensor gets the same stream."""
    seed = int(np.random.default_rng().integers(2**31))
    for tensor in tensors:
        drawn = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed), dtype=tensor.dtype)
        tensor.add_(drawn, alpha=std)


def forgets_to_clear(self):
    """As if sums began at zero by themselves."""


def keeps_entries(self, clip, real, **how):
    kept = {key: list(page.entries) for key, page in self.pages.items()}
    norms = FLUSH(self, clip, real, **how)
    for key, page in self.pages.items():
        page.entries.extend(kept[key])
    return norms


FLUSH = Book.flush


def counts_fillers(self, clip, real, **how):
    return FLUSH(self, clip, torch.ones_like(real), **how)


def one_factor_for_all(bound):
    return lambda norms: (bound / norms.mean()).clamp(max=1.0).expand_as(norms)


def charge_in_memory(self):
    self.charged += 1


def starts_over(cls, folder, mechanism, *, resumed, writes=True):
    return cls(folder / ledger.LEDGER, mechanism)


def divides_by_the_draw(self):
    expected = self.ledger.mechanism
    object.__setattr__(expected, "expected_batch_size", float(RECORDS + 1))
    RELEASE(self)


RELEASE = PrivateStep._release


def silent_leader(self):
    """Of several ranks the first adds the noise; here nobody does."""
    self.leads = False
    RELEASE(self)


BUGS = {
    "half the noise": (GaussianNoise, "add_", scaled_noise(0.5)),
    "a quarter of the noise": (GaussianNoise, "add_", scaled_noise(0.25)),
    "the noise over 1.2": (GaussianNoise, "add_", scaled_noise(1 / 1.2)),
    "the rank that leads adds no noise": (PrivateStep, "_release", silent_leader),
    "noise for the mean, added to the sum": (GaussianNoise, "add_", scaled_noise(1 / (RATE * RECORDS))),
    "noise without the bound": (GaussianNoise, "add_", scaled_noise(1 / BOUND)),
    "no noise": (GaussianNoise, "add_", lambda self, tensors, std: None),
    "the same noise every step": (GaussianNoise, "add_", same_noise),
    "the same noise in every tensor": (GaussianNoise, "add_", one_generator_per_tensor),
    "no clipping": (step, "flat", lambda bound: torch.ones_like),
    "clipping to 1.5 times the bound": (step, "flat", lambda bound: clipping.flat(1.5 * bound)),
    "clipping to twice the bound": (step, "flat", lambda bound: clipping.flat(2 * bound)),
    "one factor for the batch": (step, "flat", one_factor_for_all),
    "norms not under the root": (step, "flat", lambda bound: lambda n: (bound / n.square()).clamp(max=1.0)),
    "norms without the embedding": (pages.EmbeddingPage, "squared_norms", without("EmbeddingPage")),
    "norms without the normalization": (pages.SamplePage, "squared_norms", without("SamplePage")),
    "norms without the biases": (pages.LinearPage, "squared_norms", no_bias),
    "repeated words counted apart": (pages.EmbeddingPage, "squared_norms", merged_late),
    "sums of the last step stay": (Book, "zero", forgets_to_clear),
    "records counted again in the next batch": (Book, "flush", keeps_entries),
    "rows that only fill count": (Book, "flush", counts_fillers),
    "infinite gradients pass": (pages.Entry, "without", lambda entry, bad: entry),
    "batches of one size": (PoissonLoader, "draw", fixed_size),
    "shuffled epochs": (PoissonLoader, "draw", shuffled_epochs),
    "twice the stated rate": (PoissonLoader, "draw", twice_as_often),
    "divided by what was drawn": (PrivateStep, "_release", divides_by_the_draw),
    "steps are not written": (Ledger, "charge", charge_in_memory),
    "a resumed run starts from zero": (Ledger, "open", classmethod(starts_over)),
    "half the steps accounted": (Ledger, "statement", None),
}


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_sets_off_an_alarm(tmp_path, monkeypatch, name):
    owner, attribute, changed = BUGS[name]
    if changed is None:
        original = Ledger.statement

        def halved(self):
            return original(Ledger(None, self.mechanism, self.charged // 2))

        changed = halved
    monkeypatch.setattr(owner, attribute, changed)
    assert next(alarms(0, tmp_path), None), f"nobody noticed: {name}"


def test_no_key_of_noise_or_draws_can_be_read_from_what_is_saved(tmp_path, monkeypatch):
    """No state that a checkpoint or the ledger holds has one in it."""
    keys = []
    original = keystream.secrets.token_bytes
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: keys.append(original(count)) or keys[-1])
    _, taken = private(0, SIGMA, canaries=10)
    taken.ledger = Ledger.open(tmp_path, mechanism(), resumed=False)
    ids, labels = records(0)
    taken(LogicalBatch(parts(ids, labels)))
    written = (tmp_path / ledger.LEDGER).read_text() + json.dumps(taken.canaries.state_dict())
    draws = PoissonLoader(ids, np.ones(RECORDS), torch.stack, sample_rate=0.1, steps=1, physical_batch_size=1)
    draws.draw()
    written += json.dumps(draws.state_dict())
    forms = [str(form) for key in keys for form in (key.hex(), int.from_bytes(key), list(key), key)]
    assert len(keys) == 1 + noise.STREAMS + 1  # who takes part, the noise, the draw
    assert not any(form in written for form in forms)
