"""Early stopping of unpromising trials: the sweep states the rule, the job's process asks it after every validation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.pruners import BasePruner

VARIABLE = "ACCEL_TRIAL"
STUDY = "accel"


@dataclass(frozen=True)
class Stopping:
    """The rule of a study, and which of its trials a job is."""

    journal: str
    trial: int
    rule: str
    eta: int
    epochs: int

    def environment(self) -> dict[str, str]:
        """What makes a job ask."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str]) -> Stopping | None:
        """The rule this process has to follow, if any."""
        stated = environment.get(VARIABLE)
        return cls(**json.loads(stated)) if stated else None

    def own_trial(self) -> Trial:
        """The trial that this process is, to report to and to ask."""
        import optuna

        from accel.sweep.journal import open_journal

        storage = open_journal(Path(self.journal))
        study = optuna.load_study(study_name=STUDY, storage=storage, pruner=RULES[self.rule](self))
        found = next(t for t in study.get_trials(deepcopy=False) if t.number == self.trial)
        return optuna.Trial(study, found._trial_id)


def _asha(stopping: Stopping) -> BasePruner:
    """A trial goes on while it is among the best 1/eta of those that got so far.

    Li et al. 2020, ASHA (arXiv 1810.05934).
    """
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(min_resource=1, reduction_factor=stopping.eta)


def _hyperband(stopping: Stopping) -> BasePruner:
    """Several such halvings with different first rungs: Li et al. 2018 (arXiv 1603.06560)."""
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=1, max_resource=stopping.epochs, reduction_factor=stopping.eta)


RULES: dict[str, Callable[[Stopping], BasePruner]] = {"asha": _asha, "hyperband": _hyperband}
