"""How long, how fast and how precisely a run trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.option import Objection, Option
from accel.trainer import Precision

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from accel.core.plan import Plan
    from accel.data import Split


@dataclass(kw_only=True)
class Trainer(Option):
    """Base of every option of the group ``trainer``, with the keys that the rest of a run reads."""

    group: ClassVar[str] = "trainer"

    epochs: int = 3
    """Passes over the training split; ignored when ``max_steps`` is given."""
    max_steps: int | None = None
    """Optimizer steps to stop after."""
    baseline_steps: int | None = None
    """Optimizer steps of the dense baseline, where they differ from ``max_steps``."""
    time_limit: str | None = None
    """How long the whole run may take: 90s, 20m, 1h30m. Steps are timed, and what does not fit is cut and named."""
    patience: int | None = None
    """Validations without a better one after which training stops; the run's model is the best one then."""
    soup: int | None = None
    """How many of the best validations' models are kept, to be averaged at the end as long as that makes none worse."""
    batch_tokens: int | None = 1024
    """Padded tokens per batch and process."""
    batch_size: int | None = None
    """Examples per batch and process, instead of a token budget."""
    accumulate: int = 1
    """Batches that each process adds up to one optimizer step: a larger step in the same memory."""
    fit_memory: bool = False
    """Measure on a copy what a step takes, and cut each batch into as many pieces to add up as fit into memory."""
    precision: Precision = Precision.auto
    """auto is bf16 where the processor is fast at it, else fp32."""
    checkpoint_every_steps: int | None = None
    """Besides the end of each epoch; for long epochs."""
    calibrate: bool = False
    """Fit a temperature on the validation split, by which ``accel predict`` gives honest probabilities."""

    def limit_s(self) -> float | None:
        """Seconds that the whole run may take; None where nothing limits it."""

    def objections_to_epochs(self, plan: Plan, epochs: float) -> Iterator[Objection]:
        """What so many passes over the training split are too few for; nothing by default."""
        del plan, epochs
        yield from ()

    def importance(self, train: Split) -> np.ndarray | None:
        """float32 [examples], with the mean 1: what each example of training counts in the loss; all the same here."""
        del train

    def with_learning_rate(self, rate: float) -> Trainer:
        """The same with a rate that was found, for a trainer that wants one."""
        del rate
        return self

    def in_pieces(self, pieces: int) -> Trainer:
        """The same steps, each batch cut into so many pieces that are added up; nothing is left to be found."""
        sizes = {name: getattr(self, name) for name in ("batch_tokens", "batch_size")}  # the latter in equal pieces
        cut = {name: None if size is None else -(-size // pieces) for name, size in sizes.items()}
        return replace(self, fit_memory=False, accumulate=pieces * self.accumulate, **cut)

    @property
    def wants_learning_rate(self) -> bool:
        """Whether a range test on a copy has to find the learning rate before training."""
        return False

    def for_baseline(self) -> Trainer:
        """How the dense baseline is trained: as the run is, unless an option says otherwise."""
        return self

    def for_public_task(self) -> Trainer:
        """How the model is trained on public data before a private run, whose own settings suit noise."""
        return self.for_baseline()

    @property
    def kept_models(self) -> int:
        """Of how many validations the weights are kept; 0 where the run gives those of the last step."""
        return self.soup or int(self.patience is not None)

    @property
    def recomputes(self) -> bool:
        """Whether the backward pass computes the insides of layers again."""
        return False

    @property
    def keeps_double(self) -> bool:
        """Whether the weights themselves are fp64."""
        return False

    def adapt_model(self, model: nn.Module) -> nn.Module:
        """How the model computes, after every technique has had it and before a strategy spreads it."""
        return model

    def release(self, model: nn.Module) -> nn.Module:
        """The trained model without what ``adapt_model`` put around it."""
        return model

    @abstractmethod
    def trainer_args(self) -> dict[str, Any]:
        """Keywords of ``pytorch_lightning.Trainer``."""

    @abstractmethod
    def optimizer(self, model: nn.Module) -> Optimizer:
        """The optimizer over the model's trainable parameters."""

    @abstractmethod
    def clip_gradients(self, model: nn.Module) -> Tensor:
        """Bound the gradients in place, after the backward pass; their norm before that."""

    @abstractmethod
    def schedule(self, optimizer: Optimizer, total_steps: int) -> LRScheduler:
        """The learning rate as a function of the step."""
