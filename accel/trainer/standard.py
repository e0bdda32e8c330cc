"""AdamW with linear warm-up and decay: how nearly every transformer is fine-tuned.

What it does: trains for ``epochs`` (or ``max_steps``) in batches of a token budget, in bf16 where the processor is
    fast at it, with gradients clipped.
Use it when: always; override its keys.
What it costs: nothing beyond the training itself.
Composes with: everything.
Off switch: none; ``trainer.epochs``, ``trainer.max_steps``, ``trainer.patience`` and ``trainer.time_limit`` say when
    to stop.
Reference: Loshchilov & Hutter 2019 (arXiv 1711.05101); Clark et al. 2020, ELECTRA (arXiv 2003.10555) for
    ``layer_decay``; Kamiran & Calders 2012 (doi 10.1007/s10115-011-0463-8) for ``balance=group``; Wortsman et al. 2022
    (arXiv 2203.05482) for ``soup``.

    accel trainer.epochs=2 trainer.learning_rate=5e-5
    accel task=airline task.group=company trainer.balance=group
    accel trainer.time_limit=20m
    accel trainer.epochs=20 trainer.patience=3 trainer.soup=3
    accel trainer.learning_rate=null
    accel trainer.fit_memory=true trainer.batch_tokens=32768
    accel trainer.layer_decay=0.9 trainer.freeze='*embeddings*'
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from accel.core.family import SUPPORTED_FAMILIES
from accel.core.hardware import bf16_fast, bf16_supported
from accel.core.option import Objection
from accel.core.task import GroupedTask
from accel.core.technique import Technique
from accel.core.trainer import Trainer
from accel.data.balance import EVEN, Balance, importance
from accel.errors import NoEffectError
from accel.trainer import Precision
from accel.trainer._best import comparable, objections_to_choice
from accel.trainer._search import objections_to_search

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from accel.core.plan import Plan
    from accel.data import Split

LIMIT = re.compile(r"(?=\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
"""A time; what has no unit is seconds."""


@dataclass(kw_only=True)
class Standard(Trainer):
    """AdamW, linear warm-up, linear decay."""

    baseline_epochs: int | None = None
    """Passes of the dense baseline, where they differ: a run that starts from it needs fewer of its own."""
    learning_rate: float | None = 1e-4
    """The highest, after warm-up; null lets a range test on a copy find it, and the run notes what it found."""
    weight_decay: float = 0.01
    """Decoupled; not on biases and norms."""
    warmup: float = 0.06
    """Share of all steps with a rising learning rate, in [0, 1)."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    balance: Balance = Balance.none
    """What weighs the loss of each example: class, so that a rare label counts as much as a frequent one; or group,
    so that labels are as frequent in each group of ``task.group``'s first column as in the whole."""
    layer_decay: float = 1.0
    """Each layer's rate is that of the layer above it times this: the lowest, which know the language, change least."""
    freeze: str | None = None
    """Parameters that do not learn, by a pattern of their names as a shell matches files: ``*embeddings*``."""
    activation_checkpointing: bool = False
    """Keep only each layer's input and compute the rest again in the backward pass: a third more work, far less
    memory, the same result."""
    compile: bool = False
    """Translate each layer to fused kernels (torch.compile); worth its minutes on a GPU. Sums are rounded
    in another order, and dropout is drawn from another generator."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from self._objections_to_techniques(plan)
        yield from self._objections_to_amounts()
        yield from self._objections_to_parts(plan)
        yield from self._objections_to_calibration(plan)
        if self.balance is not Balance.none:
            yield from self._objections_to_balance(plan)
        if self.time_limit is not None:
            yield from self._objections_to_limit(plan)
        yield from self._objections_to_best(plan)
        if self.wants_learning_rate:
            yield from objections_to_search(f"{self.key}.learning_rate=null", f"{self.key}.learning_rate=1e-4", plan)
        if self.fit_memory:
            yield from objections_to_search(f"{self.key}.fit_memory=true", f"{self.key}.accumulate=N", plan)
        if not 0 <= self.warmup < 1:
            yield self.out_of_range("warmup", "in [0, 1): a share of training", "0.06")
        if (self.batch_tokens is None) == (self.batch_size is None):
            yield Objection(
                f"{self.key}.batch_tokens={self.batch_tokens}  with  {self.key}.batch_size={self.batch_size}",
                "a batch is bounded by its tokens or by its examples, by exactly one of them",
                f"{self.key}.batch_tokens=null {self.key}.batch_size=32, or leave batch_size out",
            )
        if self.precision is Precision.bf16 and not bf16_supported():
            yield self.out_of_range("precision", "a format this machine computes in; it has no bf16 units", "fp32")

    def _objections_to_limit(self, plan: Plan) -> Iterator[Objection]:
        chosen, without = f"{self.key}.time_limit={self.time_limit}", f"{self.key}.time_limit=null"
        if not self.limit_s():
            yield self.out_of_range("time_limit", "hours, minutes and seconds", "20m, 90s or 1h30m")
        if plan.privacy is not None:
            because = "the noise is made for a number of steps, which a clock must not decide"
            yield Objection(f"{chosen}  with  {plan.privacy.key}", because, f"{without} {self.key}.max_steps=N")
        if plan.strategy.num_processes() > 1 or plan.strategy.trains_locally:
            because = "each process would time its own steps and come to a number of its own"
            yield Objection(f"{chosen}  with  {plan.strategy.key}", because, f"{without} {self.key}.max_steps=N")

    def _objections_to_best(self, plan: Plan) -> Iterator[Objection]:
        chosen = {name: getattr(self, name) for name in ("patience", "soup") if getattr(self, name) is not None}
        for name, value in chosen.items():
            if value < 1:
                yield self.out_of_range(name, "at least 1: it is a number of validations", "3")
            yield from objections_to_choice(f"{self.key}.{name}={value}", f"{self.key}.{name}=null", plan)
        if self.max_steps is None:
            yield from self.objections_to_epochs(plan, self.epochs)

    def objections_to_epochs(self, plan: Plan, epochs: float) -> Iterator[Objection]:
        found = comparable(plan.settled_at, epochs)
        limits = {
            "patience": (found - 1, "training would never stop early"),
            "soup": (found, "there are not so many models to average"),
        }
        for name, (most, because) in limits.items():
            value = getattr(self, name)
            if value is not None and value > most:
                less = f"{self.key}.{name}={most}, or " if most else ""
                yield Objection(
                    f"{self.key}.{name}={value}  with  {epochs:.3g} epochs",
                    f"validation is scored {found} times {_since(plan)}: {because}",
                    f"{less}a larger {self.key}.epochs",
                )

    def limit_s(self) -> float | None:
        parts = LIMIT.fullmatch(str(self.time_limit or "").strip())
        if parts is None:
            return None
        return sum(float(part) * unit for part, unit in zip(parts.groups("0"), (3600, 60, 1), strict=True))

    def _objections_to_techniques(self, plan: Plan) -> Iterator[Objection]:
        for technique in plan.techniques:
            if self.compile and technique.against_compiling:
                yield self._clash("compile", technique, technique.against_compiling)
        if self.activation_checkpointing and plan.privacy is not None:
            yield self._clash("activation_checkpointing", plan.privacy, plan.privacy.against_compiling)

    def _objections_to_parts(self, plan: Plan) -> Iterator[Objection]:
        if not 0 < self.layer_decay <= 1:
            yield self.out_of_range("layer_decay", "in (0, 1]: 1 is the same rate for all layers", "0.9")
        family = plan.model.family()
        if self.layer_decay != 1 and family is not None and family not in SUPPORTED_FAMILIES:
            yield Objection(
                f"{self.key}.layer_decay={self.layer_decay}  with a {family} model",
                f"accel knows where layers lie in {', '.join(SUPPORTED_FAMILIES)}, not in {family}",
                f"{self.key}.layer_decay=1",
            )
        for technique in plan.compression:
            if self.freeze is not None and technique.needs_gradients:
                yield Objection(
                    f"{self.key}.freeze={self.freeze}  with  {technique.key}",
                    "it scores weights by their gradients, and frozen ones have none",
                    f"{self.key}.freeze=null, or a score that needs no gradients",
                )

    def _objections_to_calibration(self, plan: Plan) -> Iterator[Objection]:
        if self.calibrate and plan.privacy is not None:
            because = "the temperature is fitted on the validation texts, which nothing would protect"
            yield self._clash("calibrate", plan.privacy, because)
        if self.calibrate and not plan.task.can_calibrate:
            yield Objection(
                f"{self.key}.calibrate=true  with  task={plan.task.option_name()}",
                "a temperature corrects probabilities of which each text, or each word, has one for every label",
                f"{self.key}.calibrate=false",
            )

    def _objections_to_balance(self, plan: Plan) -> Iterator[Objection]:
        chosen, instead = f"{self.key}.balance={self.balance.value}", f"{self.key}.balance=none"
        if plan.privacy is not None:
            because = "the weights are counts of private labels, which no noise protects"
            yield Objection(f"{chosen}  with  {plan.privacy.key}", because, instead)
        if plan.strategy.trains_locally:
            because = "a client knows the labels of its own examples alone, and the weights count those of all"
            yield Objection(f"{chosen}  with  {plan.strategy.key}", because, instead)
        if not plan.task.gives_one_label:
            because = "its examples do not have one label each, by whose frequency they could be weighed"
            yield Objection(f"{chosen}  with  task={plan.task.option_name()}", because, instead)
        elif self.balance is Balance["group"] and not _groups(plan):
            because = "no column says which group an example is in"
            yield Objection(chosen, because, f"task.group=COLUMN, or {self.key}.balance=class")

    def _clash(self, name: str, technique: Technique, because: str) -> Objection:
        what = f"{self.key}.{name}=true  with  {technique.key}"
        return Objection(what, because, f"{self.key}.{name}=false")

    def _objections_to_amounts(self) -> Iterator[Objection]:
        amounts = {
            "epochs": "3",
            "baseline_epochs": "null",
            "baseline_steps": "null",
            "max_steps": "1000",
            "batch_tokens": "1024",
            "batch_size": "32",
            "accumulate": "1",
        }
        for name, instead in amounts.items():
            value = getattr(self, name)
            if value is not None and value < 1:
                yield self.out_of_range(name, "at least 1", instead)
        if self.checkpoint_every_steps is not None and self.checkpoint_every_steps < 1:
            yield self.out_of_range("checkpoint_every_steps", "at least 1", "null")
        if self.learning_rate is not None and not (0 < self.learning_rate < math.inf):
            yield self.out_of_range("learning_rate", "positive and finite", "1e-4, or null, which finds it")
        for name in ("weight_decay", "gradient_clip"):
            if not (0 <= getattr(self, name) < math.inf):
                yield self.out_of_range(name, "finite and not negative", "0")

    def importance(self, train: Split) -> np.ndarray | None:
        """By the balance that was asked for.

        Raises:
            NoEffectError: all examples would count the same.
        """
        found = importance(self.balance, train.labels, next(iter(train.strata.values()), ()))
        if found is not None and abs(found - 1).max() < EVEN:
            raise NoEffectError(
                f"{self.key}.balance={self.balance.value} would change nothing: the training split is balanced "
                f"already. Leave it out."
            )
        return found

    def with_learning_rate(self, rate: float) -> Standard:
        """The same with a rate that was found."""
        return replace(self, learning_rate=rate)

    @property
    def wants_learning_rate(self) -> bool:
        return self.learning_rate is None

    def for_baseline(self) -> Standard:
        """The trainer of the dense baseline."""
        return replace(
            self,
            epochs=self.baseline_epochs or self.epochs,
            max_steps=self.baseline_steps or self.max_steps,
            baseline_epochs=None,
            baseline_steps=None,
            time_limit=None,
            calibrate=False,
        )

    def for_public_task(self) -> Standard:
        """The default settings, for ``baseline_epochs`` or two passes."""
        short: dict[str, Any] = {} if self.max_steps is None else {"max_steps": self.max_steps}
        return Standard(epochs=self.baseline_epochs or 2, precision=self.precision, **short)

    @property
    def recomputes(self) -> bool:
        return self.activation_checkpointing

    @property
    def keeps_double(self) -> bool:
        return self.precision is Precision.fp64

    def adapt_model(self, model: nn.Module) -> nn.Module:
        from accel.ops.layers import compile_layers, recompute_layers

        if self.freeze is not None:
            self._freeze(model, self.freeze)
        if self.activation_checkpointing:
            recompute_layers(model)
        if self.compile:
            compile_layers(model)
        return model

    def _freeze(self, model: nn.Module, pattern: str) -> None:
        from accel.ops.trainable import freeze_matching, trainable_share

        names = [name for name, p in model.named_parameters() if p.requires_grad]
        if not freeze_matching(model, pattern):
            raise NoEffectError(
                f"{self.key}.freeze={pattern} is the name of nothing that learns. Names look like {names[0]} and "
                f"{names[-1]}; * stands for anything."
            )
        if trainable_share(model) == 0:
            raise NoEffectError(f"{self.key}.freeze={pattern} leaves nothing that learns. Name fewer parameters.")

    def release(self, model: nn.Module) -> nn.Module:
        from accel.ops.layers import plain_layers

        return plain_layers(model)

    def trainer_args(self) -> dict[str, Any]:
        return {
            "accumulate_grad_batches": self.accumulate,
            "max_epochs": self.epochs if self.max_steps is None else -1,
            "max_steps": -1 if self.max_steps is None else self.max_steps,
            "precision": self.lightning_precision(),
        }

    def lightning_precision(self) -> str:
        """What Lightning calls the number format; its own fp64 would draw other weights, and has no sharded form."""
        chosen = self.precision
        if chosen is Precision.auto:
            chosen = Precision.bf16 if bf16_fast() else Precision.fp32
        return {Precision.bf16: "bf16-mixed", Precision.fp32: "32-true", Precision.fp64: "32-true"}[chosen]

    def optimizer(self, model: nn.Module) -> Optimizer:
        import torch

        from accel.ops.optimizer_groups import by_depth

        rate = self.learning_rate
        assert rate is not None  # it was found before
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        groups = [
            {"params": params, "lr": rate * self.layer_decay**depth, "weight_decay": decay}
            for depth, parameters in by_depth(model, trained, one=self.layer_decay == 1).items()
            for params, decay in (
                ([p for p in parameters if p.ndim >= 2], self.weight_decay),
                ([p for p in parameters if p.ndim < 2], 0.0),
            )
        ]
        return torch.optim.AdamW(groups, lr=rate, fused=True)

    def clip_gradients(self, model: nn.Module) -> Tensor:
        import torch

        if self.gradient_clip > 0:
            return torch.nn.utils.clip_grad_norm_(model.parameters(), self.gradient_clip)
        return torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])

    def schedule(self, optimizer: Optimizer, total_steps: int) -> LRScheduler:
        import torch

        warmup_steps = max(1, int(self.warmup * total_steps))

        def factor(step: int) -> float:
            rising = (step + 1) / warmup_steps
            falling = (total_steps - step) / max(1, total_steps - warmup_steps)
            return max(0.0, min(1.0, rising, falling))

        return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _since(plan: Plan) -> str:
    """From when on validations compare, in words."""
    if not plan.settled_at:
        return "in all"
    last = max(plan.techniques, key=lambda technique: technique.settled_at)
    return f"after {last.key} has changed the model, which is done at {plan.settled_at:.0%} of training"


def _groups(plan: Plan) -> list[str]:
    return plan.task.group_columns() if isinstance(plan.task, GroupedTask) else []
