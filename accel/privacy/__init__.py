"""What protects the training data; ``privacy=none`` is the absence of one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.privacy.public_data import PublicData
from accel.technique import Objection, Stage, Technique

if TYPE_CHECKING:
    from torch import Tensor

    from accel.plan import Plan


@dataclass(kw_only=True)
class Privacy(Technique):
    """Base of every option of the group ``privacy``.

    Rules that name this class hold for every private mechanism: see ``accel/rules.py``.
    """

    group: ClassVar[str] = "privacy"
    stage: ClassVar[Stage] = Stage.PRIVATIZE

    public_task: str | None = None
    """A task with public data and the same labels on which the model is trained first, without privacy; cached."""
    public_data: tuple[str, ...] = ()
    """What everybody may know, see ``PublicData``: names of tasks, files, and folders of models that saw only such."""

    log_figures: bool = False
    """Whether losses, shares of clipped gradients and figures of the validation split are logged while training. They
    carry no noise, so they lie outside of the guarantee; without them no validation split is looked at on the way."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from self._public_data(plan).objections()

    def objections_to_resume(self, plan: Plan, folder: Path) -> Iterator[Objection]:
        """To a run's folder that this plan would go on in."""
        yield from self._public_data(plan).objections_to_resume(folder)

    def _public_data(self, plan: Plan) -> PublicData:
        return PublicData(plan, tuple(self.public_data), self.public_task)

    said_freely: ClassVar[tuple[str, ...]] = ()
    """Names of a step's terms that depend on no record."""

    def loggable(self, terms: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The terms of a step that may leave the process."""
        return terms if self.log_figures else {name: terms[name] for name in self.said_freely if name in terms}

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        return args if self.log_figures else {**args, "limit_val_batches": 0}

    @abstractmethod
    def steps(self, num_examples: int) -> int:
        """Optimizer steps per pass over the training split: a private batch is not a trainer's batch."""

    @abstractmethod
    def statement(self, folder: Path) -> dict[str, Any]:
        """The guarantee of the run in ``folder`` as the record states it (``privacy`` in result.json)."""
