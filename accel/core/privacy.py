"""What protects the training data; ``privacy=none`` is the absence of one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.technique import Stage, Technique
from accel.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from accel.core.plan import Plan
    from accel.data import Dataset


@dataclass(kw_only=True)
class Privacy(Technique):
    """Base of every option of the group ``privacy``.

    Rules that name this class hold for every private mechanism: see ``accel/plan/rules.py``.
    """

    group: ClassVar[str] = "privacy"
    stage: ClassVar[Stage] = Stage.PRIVATIZE
    protects_clients: ClassVar[bool] = False
    """Whether it protects a client of a federated run with all of its records: it bounds updates, not gradients."""

    @property
    def shards(self) -> bool:
        """Whether it knows the sum of clipped gradients where each process holds a part of the model."""
        return False

    public_task: str | None = None
    """A task with public data and the same labels on which the model is trained first, without privacy; cached."""
    public_data: tuple[str, ...] = ()
    """What everybody may know: names of tasks, files, and folders of models that saw only such; see
    ``accel/plan/public_data.py``."""

    log_figures: bool = False
    """Whether losses, shares of clipped gradients and figures of the validation split are logged while training. They
    carry no noise, so they lie outside of the guarantee; without them no validation split is looked at on the way."""

    def loggable(self, terms: Mapping[str, Tensor], freely: Collection[str]) -> Mapping[str, Tensor]:
        """The terms of a step that may leave the process.

        Args:
            freely: names of those that depend on no record.
        """
        return terms if self.log_figures else {name: value for name, value in terms.items() if name in freely}

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        return args if self.log_figures else {**args, "limit_val_batches": 0}

    def check_records(self, dataset: Dataset, plan: Plan) -> list[str]:
        """What must be said of a guarantee for so many records.

        Raises:
            DataError: there can be none for these records.
        """
        del plan
        if dataset.draws > 1:
            raise DataError(
                f"{self.group}={self.option_name()}: with so few rows the splits were drawn {dataset.draws} times, "
                f"until none was empty: one row decides where others go, and more than one record would have to be "
                f"protected. Add rows, or name files for task.validation and task.test."
            )
        return []

    def check_noise(self, dataset: Dataset, plan: Plan) -> None:
        """Refuse what no noise can give in the steps that are planned; nothing by default.

        Raises:
            RefusedError: with what could be asked for.
        """
        del dataset, plan

    def check_claim(self, stated: Mapping[str, Any]) -> None:
        """Fail a run that is not as private as it claims; nothing by default.

        Args:
            stated: what ``statement`` gave.

        Raises:
            ClaimError: what speaks against the claim.
        """
        del stated

    def remarks(self) -> list[str]:
        """What the plan says of the guarantee that is asked for; nothing by default."""
        return []

    @abstractmethod
    def steps(self, num_examples: int) -> int:
        """Optimizer steps per pass over the training split: a private batch is not a trainer's batch."""

    @abstractmethod
    def statement(self, folder: Path) -> dict[str, Any]:
        """The guarantee of the run in ``folder`` as the record states it (``privacy`` in result.json)."""
