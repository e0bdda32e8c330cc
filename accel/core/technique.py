"""Options, and the techniques among them: settings, a stage, objections and seams.

Nothing here imports torch: a plan is decided from these classes alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.facts import Evidence, Facts, History, Loss, Step
from accel.core.option import Option

if TYPE_CHECKING:
    import numpy as np
    from pytorch_lightning import Callback
    from torch import nn
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective


class Stage(IntEnum):
    """The only order there is; the order typed on the command line never matters.

    ADAPT       adapters attach to the pretrained weights
    REMOVE      decide what is kept: a smaller dense model
    SPARSIFY    zero some of what was kept
    QUANTIZE    round what was kept
    DISTILL     a teacher trains the final student
    PRIVATIZE   last to touch a gradient
    DISTRIBUTE  wrap the finished model
    """

    ADAPT = 1
    REMOVE = 2
    SPARSIFY = 3
    QUANTIZE = 4
    DISTILL = 5
    PRIVATIZE = 6
    DISTRIBUTE = 7


@dataclass(kw_only=True)
class Technique(Option):
    """An option that changes training. Every seam takes a thing and returns it, unchanged by default.

    ==================  =====================================================================
    check_machine       first of all, when torch is there
    kept_tokens         when the training examples have been tokenized
    check_data          after it, before any model is built
    check_budget        before the dense baseline is trained
    trainer_args        before the ``Trainer`` is made
    adapt_model         in ``configure_model``: before weights are restored or wrapped
    adapt_loss          after the model exists
    adapt_step          after the loss: how a batch of the loader becomes a gradient
    adapt_loader        in ``train_dataloader``
    adapt_optimizer     in ``configure_optimizers``
    callbacks           Lightning callbacks for work between steps
    export              after ``fit``, on the unwrapped model, in the order of stages
    evidence            after ``fit`` and before ``export``, on the unwrapped model
    ==================  =====================================================================
    """

    stage: ClassVar[Stage]
    said_freely: ClassVar[tuple[str, ...]] = ()
    """Names of a step's terms that depend on no record: a private run logs no others."""
    learns_without_labels: ClassVar[bool] = False
    """Whether it teaches from texts alone, so that ``task.unlabelled`` may add some to those of training."""
    changes_model: ClassVar[bool] = False
    """Whether the finished model differs from a dense one; if any does, a baseline is measured."""

    @property
    def caveat(self) -> str:
        """What a reader of the result must know to understand it right, in a sentence or two; mostly nothing."""
        return ""

    @property
    def changes_loss(self) -> bool:
        """Whether it adds to what a step minimises, or scores it in another way."""
        return type(self).adapt_loss is not Technique.adapt_loss

    @property
    def needs_baseline(self) -> bool:
        """Whether the dense baseline must exist before training."""
        return False

    @property
    def needs_pretrained(self) -> bool:
        """Whether the dense model as it was before any training must exist as a folder."""
        return False

    @property
    def has_budget(self) -> bool:
        """Whether ``check_budget`` has something to check."""
        return False

    @property
    def needs_latency_table(self) -> bool:
        """Whether what heads and channels cost on this machine must be measured before training."""
        return False

    @property
    def against_compiling(self) -> str:
        """Why the layers must run as they are written, in a few words; empty where they may be compiled."""
        return ""

    @property
    def settled_at(self) -> float:
        """Share of training after which it changes the model's form no more: weights of before compare with none."""
        return 0.0

    @property
    def needs_gpu(self) -> str:
        """What needs an NVIDIA GPU, as a sentence begins with it; empty where nothing does."""
        return ""

    @property
    def starts_from_baseline(self) -> bool:
        """Whether training begins with the weights of the dense baseline instead of the pretrained ones."""
        return False

    def check_machine(self) -> None:
        """Refuse a machine that cannot run what the settings ask for.

        Raises:
            RunError: what is missing, and what to use instead.
        """

    def kept_tokens(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[np.ndarray]) -> Collection[int] | None:
        """Ids of the tokens that the finished model needs; None for all."""
        del tokenizer, examples
        return None

    def check_data(self, tokenizer: PreTrainedTokenizerBase, objective: Objective, max_length: int) -> None:
        """Refuse data that the settings do not fit.

        Args:
            tokenizer: of the student, with its whole vocabulary.
            max_length: tokens that the longest text may have.

        Raises:
            DataError: what does not fit, and what would.
        """
        del tokenizer, objective, max_length

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        return args

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        del facts
        return model

    def check_budget(self, model: nn.Module, facts: Facts) -> None:
        """Refuse a model that cannot become what the settings ask for.

        Args:
            model: as every technique's ``adapt_model`` leaves it, before the dense baseline is trained.

        Raises:
            RunError: with what could be asked for.
        """
        del model, facts

    def adapt_loss(self, loss: Loss, model: nn.Module, facts: Facts) -> Loss:
        del model, facts
        return loss

    def adapt_step(self, step: Step, model: nn.Module, facts: Facts) -> Step:
        del model, facts
        return step

    def adapt_loader(self, loader: DataLoader[Any], facts: Facts) -> DataLoader[Any]:
        del facts
        return loader

    def adapt_optimizer(self, optimizer: Optimizer, model: nn.Module, facts: Facts) -> Optimizer:
        del model, facts
        return optimizer

    def callbacks(self, facts: Facts) -> list[Callback]:
        del facts
        return []

    def export(self, model: nn.Module) -> nn.Module:
        return model

    def evidence(self, model: nn.Module, history: History) -> Evidence | None:
        """None for a technique that has nothing to prove.

        Args:
            model: as trained, before ``export``.
            history: every logged value, by name, in the order of steps.
        """
        del model, history
        return None
