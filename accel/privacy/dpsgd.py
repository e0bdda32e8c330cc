"""Differentially private training: what any one record changes in the model is bounded, and the bound is told.

What it does: clips the gradient of every record, adds Gaussian noise to their sum over a Poisson sample, and counts
    what was spent in a ledger that is written ahead of every step. One backward pass, no per-record gradients. For a
    language model a record is a whole document, however many blocks it has.
Use it when: the training data must not leak: patients, clients, conversations.
What it costs: a little more time than ordinary training (see the bench), and accuracy: more with a smaller epsilon and
    fewer records. Weights that have seen public data of the kind, few trained weights (tuning=bitfit), large batches
    and a high learning rate win much of it back.
Composes with: every tuning; qat; ddp; fsdp; prune with public scores; distill with a public teacher.
Off switch: ``privacy=none``.
Reference: Abadi et al. 2016 (arXiv 1607.00133); Bu et al. 2023 (arXiv 2210.00038) for the one backward pass.

    accel privacy=dpsgd privacy.epsilon=8 tuning=bitfit trainer.learning_rate=4e-3 trainer.epochs=5
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from accel.core.facts import Evidence, Facts, History, Step
from accel.core.option import Objection, typed
from accel.core.task import TokenTask
from accel.errors import DataError
from accel.privacy._gaussian import Gaussian

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import DataLoader

    from accel.core.plan import Plan
    from accel.data import Dataset
    from accel.dp.mechanism import Mechanism

BATCH = 768
"""Records per step where nothing is said; large batches win accuracy."""
FEW_RECORDS = 1000
"""Fewer are worth a word."""


class Clipping(Enum):
    """How a record's gradient is bounded."""

    flat = "flat"
    automatic = "automatic"
    per_layer = "per_layer"


class Engine(Enum):
    """What computes the clipped sums."""

    bookkeeping = "bookkeeping"
    opacus_hooks = "opacus_hooks"


@dataclass(kw_only=True)
class Dpsgd(Gaussian):
    """DP-SGD by book-keeping."""

    max_grad_norm: float = 6.0
    """The clipping bound. A classifier's gradients are one to fifteen long; a bound below most of them lets the many
    easy records outvote the few hard ones."""
    clipping: Clipping = Clipping.flat
    """flat shortens long gradients, per_layer bounds each layer by itself, automatic gives all nearly one length: it
    needs no bound to be chosen, and classes of about equal size."""
    dropout: bool = False
    """Whether the model's dropout stays on; the noise already keeps it from learning by heart."""
    logical_batch_size: int | None = None
    """Records per step on average, over all processes; by default 768, or all where there are fewer."""
    physical_batch_size: int = 32
    """Most rows that are computed at once, per process: texts, or blocks of documents. All blocks of a document are
    computed at once in any case."""
    engine: Engine = Engine.bookkeeping
    """bookkeeping needs one backward pass and no per-record gradients; opacus_hooks is slower, to compare with."""

    @property
    def shards(self) -> bool:
        return self.engine is Engine.bookkeeping

    @property
    def against_compiling(self) -> str:
        return "it reads the gradient of every record off the layers"

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        yield from self.objections_to_packages()
        yield from self._objections_to_accumulation(plan)
        yield from self._objections_to_losses(plan)
        if self.audit and self.engine is not Engine.bookkeeping:
            yield Objection(
                f"{self.key}.audit=true  with  {self.key}.engine={self.engine.name}",
                "the audit's canaries need the per-example norms of the bookkeeping engine",
                f"{self.key}.engine=bookkeeping",
            )
        yield from self._objections_to_values()

    def _objections_to_values(self) -> Iterator[Objection]:
        yield from self.objections_to_budget()
        if not (0 < self.max_grad_norm < math.inf):
            yield self.out_of_range("max_grad_norm", "positive and finite", "1")
        for name, instead in (("logical_batch_size", "768"), ("physical_batch_size", "32")):
            size = getattr(self, name)
            if size is not None and size < 1:
                yield self.out_of_range(name, "at least 1", instead)

    def _objections_to_accumulation(self, plan: Plan) -> Iterator[Objection]:
        if plan.trainer.accumulate > 1:
            yield Objection(
                f"trainer.accumulate={plan.trainer.accumulate}  with  {self.group}={self.option_name()}",
                "a private step is one random sample, which is cut into batches that fit the memory already",
                f"trainer.accumulate=1 {self.key}.logical_batch_size={self.logical_batch_size or BATCH} with "
                f"{self.key}.physical_batch_size for the memory",
            )

    def _objections_to_losses(self, plan: Plan) -> Iterator[Objection]:
        """A record is clipped whole, and so has to have a loss of its own, whatever others are in its batch."""
        for technique in plan.techniques if isinstance(plan.task, TokenTask) else ():
            if technique.changes_loss:
                yield Objection(
                    f"{typed(plan.task)}  with  {typed(self)}  and  {typed(technique)}",
                    "its part of the loss is a mean over all tokens of a batch, so one record's share depends on the "
                    "lengths of others, and no bound holds for it",
                    f"leave {technique.option_name()} out, or {self.group}=none",
                )

    def check_records(self, dataset: Dataset, plan: Plan) -> list[str]:
        """For how many records the settings make sense.

        Ponomareva et al. 2023 (arXiv 2303.00654) show how accuracy falls with few records; the number from which on we
        say nothing is ours.
        """
        notes = super().check_records(dataset, plan)
        count = len(dataset.train)
        self.check_delta(count)
        if self.logical_batch_size is not None and self.logical_batch_size > count:
            raise DataError(
                f"{self.key}.logical_batch_size={self.logical_batch_size} is more than the {count} training records, "
                f"and no record joins a step more than once. Use {self.key}.logical_batch_size={max(1, count // 10)}."
            )
        return [*notes, *self._said_of(count)]

    def _said_of(self, count: int) -> Iterator[str]:
        yield from self.said_of_delta(count)
        if count < FEW_RECORDS:
            yield (
                f"{count} training records are few for differential privacy: what the noise leaves of them is little, "
                f"and delta = {self.delta_for(count):.1e} is a large chance that the bound fails"
            )
        if self.batch_size(count) == count:
            yield f"Each of the {count} records takes part in every step: privacy gains nothing from sampling"

    def check_noise(self, dataset: Dataset, plan: Plan) -> None:
        count, trainer = len(dataset.train), plan.trainer
        self._noise(count, trainer.max_steps or self.steps(count) * trainer.epochs)

    def batch_size(self, num_examples: int) -> int:
        """Records per step on average."""
        return min(num_examples, self.logical_batch_size or BATCH)

    def steps(self, num_examples: int) -> int:
        return max(1, round(num_examples / self.batch_size(num_examples)))

    def _noise(self, num_examples: int, steps: int) -> float:
        """Over the clipping bound."""
        rate = self.batch_size(num_examples) / num_examples
        return self.noise_for(num_examples, sample_rate=rate, steps=steps)

    def mechanism(self, facts: Facts) -> Mechanism:
        """What the run will do, with the noise that its epsilon asks for."""
        from accel.dp.mechanism import Mechanism

        rate = self.batch_size(facts.num_examples) / facts.num_examples
        return Mechanism(
            noise_multiplier=self._noise(facts.num_examples, facts.total_steps),
            max_grad_norm=self.max_grad_norm,
            clipping=self.clipping.name,
            sample_rate=rate,
            expected_batch_size=rate * facts.num_examples,
            num_records=facts.num_examples,
            steps=facts.total_steps,
            delta=self.delta_for(facts.num_examples),
            accountant=self.accountant.name,
            epsilon_target=self.epsilon,
            test_mode=self.test_seed is not None,
        )

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.dropout import without_dropout

        del facts
        return model if self.dropout else without_dropout(model)

    def adapt_step(self, step: Step, model: nn.Module, facts: Facts) -> Step:
        import torch.distributed as dist

        from accel.dp.book import Book
        from accel.dp.canaries import Canaries
        from accel.dp.ledger import Ledger
        from accel.dp.noise import GaussianNoise
        from accel.dp.step import PrivateStep

        rank = dist.get_rank() if dist.is_initialized() else 0
        ledger = Ledger.open(facts.folder, self.mechanism(facts), resumed=facts.resumed, writes=rank == 0)
        noise = GaussianNoise(self.test_seed, rank)
        if self.engine is Engine.opacus_hooks:
            from accel.dp.opacus_book import OpacusBook

            return PrivateStep(step, OpacusBook(model), ledger, noise)
        book = Book(model)
        canaries = Canaries(book, self.num_canaries, ledger.mechanism, self.test_seed) if self.audit else None
        return PrivateStep(step, book, ledger, noise, canaries)

    def adapt_loader(self, loader: DataLoader[Any], facts: Facts) -> DataLoader[Any]:
        from accel.dp.poisson import PoissonLoader

        return PoissonLoader(  # type: ignore[return-value] - Lightning takes anything that yields batches
            loader.dataset,
            loader.dataset.lengths,  # type: ignore[attr-defined]
            loader.collate_fn,  # type: ignore[arg-type]
            sample_rate=self.batch_size(facts.num_examples) / facts.num_examples,
            steps=self.steps(facts.num_examples),
            physical_batch_size=self.physical_batch_size,
            records=loader.dataset.records,  # type: ignore[attr-defined]
            rank=loader.order.rank,  # type: ignore[attr-defined]
            world_size=facts.world_size,
            canaries=self.num_canaries if self.audit else 0,
            test_seed=self.test_seed,
        )

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.dp.layers import booked_layers, unsampled

        layers, noise = booked_layers(model), history.get("noise_multiplier", [])
        noisy = bool(noise) and (min(noise) > 0 or self.test_seed is not None)
        return Evidence(
            acted=noisy and (layers > 0 or self.engine is Engine.opacus_hooks),
            figures={
                "booked_layers": layers,
                "least_noise_multiplier": min(noise, default=0.0),
                "frozen": unsampled(model),
                **({"clipped_share": sum(clipped) / len(clipped)} if (clipped := history.get("clipped_share")) else {}),
            },
            expected="noise at every step, on gradients that were clipped by record",
        )

    def export(self, model: nn.Module) -> nn.Module:
        from accel.dp.layers import unpatch

        unpatch(model)
        if self.engine is Engine.opacus_hooks:
            from accel.dp.opacus_book import detach

            detach(model)
        return model
