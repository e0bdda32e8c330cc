"""Options, and the techniques among them: settings, a stage, objections and seams.

Nothing here imports torch: a plan is decided from these classes alone.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    import numpy as np
    from pytorch_lightning import Callback
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerBase

    from accel.latency_table import LatencyTable
    from accel.objective import Objective
    from accel.plan import Plan


History = Mapping[str, list[float]]


@dataclass(frozen=True)
class Objection:
    """Why a plan cannot be: what was asked, because of what, and what to type instead."""

    what: str
    because: str
    instead: str
    avoidable: bool = False
    """Whether other settings of the same options would do."""


@dataclass(kw_only=True)
class Option(ABC):
    """One choice of one config group; its fields are the keys of its YAML file.

    An option holds settings only and never changes after it was built.
    """

    group: ClassVar[str]

    def option_name(self) -> str:
        """The word a user types for it: the name of its YAML file; of one made in Python, that of its module."""
        return getattr(self, "_chosen_as", type(self).__module__.rsplit(".", 1)[-1])

    def chosen_as(self, name: str) -> Self:
        """Itself, under the name of the YAML file that it was built from; several files may share a class."""
        self._chosen_as = name
        return self

    @property
    def key(self) -> str:
        """Where its settings live in the config, as a prefix for messages."""
        return self.group

    def objections(self, plan: Plan) -> Iterator[Objection]:
        """What this option needs and the plan does not give; nothing by default."""
        del plan
        yield from ()

    def weights(self) -> list[tuple[str, Path]]:
        """(key, folder) of every model folder that the option starts from or listens to; none by default."""
        return []

    @property
    def instead_of_weights(self) -> str:
        """What to type to do without those folders."""
        return ""

    def public_texts(self) -> list[tuple[str, str]]:
        """(key, file or task) of every text beside the task's that decides what the option does; none by default."""
        return []

    def settings(self) -> dict[str, Any]:
        """The option's fields as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def out_of_range(self, name: str, expected: str, instead: str) -> Objection:
        """An objection to one of the option's own values."""
        value = getattr(self, name)
        return Objection(
            what=f"{self.key}.{name}={value}",
            because=f"{name} must be {expected}",
            instead=f"{self.key}.{name}={instead}",
        )


class Stage(IntEnum):
    """The only order there is; the order typed on the command line never matters.

    ADAPT       adapters attach to the pretrained weights
    REMOVE      decide what is kept: a smaller dense model
    SPARSIFY    zero some of what was kept
    QUANTIZE    round what was kept
    DISTILL     a teacher speaks to the final student
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


@dataclass(frozen=True)
class Facts:
    """What a technique may know of the run, fixed before the model is built."""

    total_steps: int
    num_examples: int
    objective: Objective
    """What is predicted."""
    world_size: int
    seed: int
    baseline: Path | None
    """Folder of the dense baseline, when the plan asks for one."""
    pretrained: Path | None = None
    """Folder of the dense model before any training, when the plan asks for it."""
    folder: Path | None = None
    """Where the run keeps its files; none for a model that is trained on the way, such as the baseline."""
    resumed: bool = False
    """Whether training goes on from a checkpoint."""
    latency: LatencyTable | None = None
    """What layers, heads and channels cost on this machine, when the plan asks for it."""
    num_threads: int = 1
    """Of the whole run, which training shares out to its processes on this machine."""
    kept_tokens: Sequence[int] | None = None
    """Ids of the pieces that the finished model needs; None for all."""


@dataclass(frozen=True)
class Loss:
    """How a step is scored: named scalar terms, of which ``loss`` is minimised."""

    compute: Callable[[Any, Mapping[str, Tensor]], dict[str, Tensor]]
    """(model outputs, batch) -> terms; the batch still holds ``labels``."""
    forward_args: Mapping[str, Any] = field(default_factory=dict)
    """Extra keywords the model's forward needs, e.g. ``output_hidden_states``."""


Step = Callable[[Any], dict[str, "Tensor"]]
"""One batch of the loader -> named scalar terms; the gradient of ``loss`` is what the optimizer gets."""


@dataclass(frozen=True)
class Evidence:
    """Proof that a technique acted: figures for the record, and whether they show an effect."""

    acted: bool
    figures: Mapping[str, Any]
    expected: str = "a visible effect"


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
    changes_model: ClassVar[bool] = False
    """Whether the finished model differs from a dense one; if any does, a baseline is measured."""

    @property
    def caveat(self) -> str:
        """What a reader of the result must know to understand it right, in a sentence or two; mostly nothing."""
        return ""

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
    def starts_from_baseline(self) -> bool:
        """Whether training begins with the weights of the dense baseline instead of the pretrained ones."""
        return False

    def check_machine(self) -> None:
        """Refuse a machine that cannot run what the settings ask for.

        Raises:
            RunError: what is missing, and what to use instead.
        """

    def kept_tokens(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[np.ndarray]) -> Collection[int] | None:
        """Ids of the pieces that the finished model needs; None for all."""
        del tokenizer, examples
        return None

    def check_data(self, tokenizer: PreTrainedTokenizerBase, objective: Objective, max_length: int) -> None:
        """Refuse data that the settings do not fit.

        Args:
            tokenizer: of the student, with all of its pieces.
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
