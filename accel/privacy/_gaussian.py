"""What every mechanism has in common that adds Gaussian noise to a sum over a Poisson sample."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.extras import install_words, is_installed
from accel.core.facts import Facts
from accel.core.option import Objection
from accel.core.privacy import Privacy
from accel.errors import ClaimError, DataError
from accel.privacy import meaning

if TYPE_CHECKING:
    from pytorch_lightning import Callback

LEAST_EPSILON = 0.05
"""For less, the accountants give up or compute for minutes, and nothing would be learned."""


class Accountant(Enum):
    """How epsilon is computed from the steps."""

    rdp = "rdp"
    prv = "prv"


@dataclass(kw_only=True)
class Gaussian(Privacy):
    """Noise from an epsilon, or the other way round; a ledger; an audit by canaries."""

    counted: ClassVar[str] = "training records"
    """What is protected, in messages that say how many there are."""
    units: ClassVar[str] = "records"
    """The same in a word."""

    epsilon: float | None = 8.0
    """What the whole run may spend; the noise follows from it."""
    delta: float | None = None
    """Chance that the bound fails; by default 1 / (10 units), at 1 / units or above it is refused."""
    noise_multiplier: float | None = None
    """Noise over clipping bound, instead of ``epsilon``."""
    audit: bool = False
    """Canaries take part in the run, and the record says how much they show that it leaked."""
    num_canaries: int = 1000
    """How many there are for the audit; half of them take part."""
    accountant: Accountant = Accountant.prv
    """prv is tighter, rdp is faster; the record states both."""
    test_seed: int | None = None
    """Repeats noise and draws, for tests; the record then says that the run is not private."""

    said_freely: ClassVar[tuple[str, ...]] = ("noise_multiplier",)

    def objections_to_budget(self) -> Iterator[Objection]:
        """To epsilon, delta, noise and canaries."""
        if (self.epsilon is None) == (self.noise_multiplier is None):
            yield Objection(
                f"{self.key}.epsilon={self.epsilon}  with  {self.key}.noise_multiplier={self.noise_multiplier}",
                "the noise follows from the epsilon, or the epsilon from the noise: exactly one of them is given",
                f"{self.key}.epsilon=8, or {self.key}.epsilon=null {self.key}.noise_multiplier=0.8",
            )
        if self.epsilon is not None and not (0 < self.epsilon < math.inf):
            yield self.out_of_range("epsilon", "positive and finite", "8")
        elif self.epsilon is not None and self.epsilon < LEAST_EPSILON:
            yield self.out_of_range("epsilon", f"at least {LEAST_EPSILON}: the accountants resolve no less", "1")
        if self.delta is not None and not (0 < self.delta < 1):
            yield self.out_of_range("delta", f"in (0, 1), well below 1 / {self.units}", "1e-5")
        if self.noise_multiplier is not None and not (
            0 < self.noise_multiplier < math.inf or self.test_seed is not None
        ):
            yield self.out_of_range("noise_multiplier", "positive and finite: without noise nothing is private", "0.8")
        if self.num_canaries < 1:
            yield self.out_of_range("num_canaries", "at least 1", "1000")

    def objections_to_packages(self) -> Iterator[Objection]:
        """To what is missing of the machinery."""
        parts = (("opacus", "accountants come"), ("cryptography", "noise comes"), ("scipy", "audit comes"))
        for package, what in parts:
            if not is_installed(package):
                yield Objection(
                    f"{self.group}={self.option_name()}",
                    f"its {what} from {package}, which is not installed here",
                    install_words("privacy"),
                )

    def check_delta(self, count: int) -> None:
        """The limits of delta are those of Ponomareva et al. 2023 (arXiv 2303.00654), section 5.3.

        A mechanism that gives away one unit of N at random has delta = 1/N and epsilon = 0.

        Raises:
            DataError: it is no better than that.
        """
        if self.delta_for(count) >= 1 / count:
            raise DataError(
                f"{self.key}.delta={self.delta} with {count} {self.counted}: whoever publishes one at random keeps "
                f"a delta of 1 / {self.units} = {1 / count:.1e}, so it must be smaller. Use {self.key}.delta="
                f"{_rounded_down(0.1 / count)}, or leave it out."
            )

    def said_of_delta(self, count: int) -> Iterator[str]:
        """What must be said of a delta that promises little."""
        if self.delta_for(count) > 1 / (10 * count):
            yield (
                f"{self.key}.delta={self.delta} is more than 1 / (10 {self.units}) = {1 / (10 * count):.1e}: a smaller "
                f"one promises more; without {self.key}.delta it is that"
            )

    def delta_for(self, count: int) -> float:
        """The chance that the bound fails."""
        return self.delta if self.delta is not None else 1 / (10 * count)

    def noise_for(self, count: int, *, sample_rate: float, steps: int) -> float:
        """Over the clipping bound.

        Raises:
            RefusedError: no noise gives the epsilon.
        """
        from accel.dp.accountant import sigma_for

        if self.noise_multiplier is not None:
            return self.noise_multiplier
        assert self.epsilon is not None
        return sigma_for(
            self.accountant.name,
            epsilon=self.epsilon,
            sample_rate=sample_rate,
            steps=steps,
            delta=self.delta_for(count),
        )

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.callbacks.keep_private import KeepPrivate

        return [KeepPrivate(facts.folder, attrgetter("release") if self.protects_clients else lambda step: step)]

    def remarks(self) -> list[str]:
        return [meaning(self.epsilon)] if meaning(self.epsilon) else []

    def statement(self, folder: Path) -> dict[str, Any]:
        from accel.dp.ledger import AUDIT, LEDGER, Ledger
        from accel.dp.statement import WHILE_TRAINING
        from accel.dp.together import spent_in_sweep

        found = Ledger.read(folder / LEDGER).statement()
        if self.log_figures:
            found["outside_the_guarantee"].insert(0, WHILE_TRAINING)
        if self.audit:
            found = _audited(found, folder / AUDIT)
        sweep = spent_in_sweep(folder.parent)
        if sweep is not None:
            found |= {"epsilon_of_sweep_so_far": sweep["epsilon"], "runs_of_sweep_so_far": sweep["runs"]}
        return found

    def check_claim(self, stated: Mapping[str, Any]) -> None:
        from accel.report.figures import audit_sentence

        if self.audit and not holds(stated.get("audit")):
            raise ClaimError(
                f"{self.key}.audit=true: the run is not as private as it claims. {audit_sentence(stated.get('audit'))} "
                f"Nothing was exported. Release nothing of this run, its checkpoints included, and report this: the "
                f"fault is the program's or the machine's, not that of your settings."
            )


def holds(audit: Mapping[str, Any] | None) -> bool:
    """Whether there is an audit and nothing speaks against the claim."""
    return audit is not None and audit["passed"] is True


def _audited(stated: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The statement with what the canaries show; without a good audit, where one was asked for, nothing is claimed."""
    audit = json.loads(file.read_text("utf8")) if file.is_file() else None
    refuted = {} if holds(audit) else {"private": False, "epsilon": None}
    return {**stated, **refuted, "audit": audit}


def _rounded_down(value: float) -> str:
    """With one digit, as one types it."""
    exponent = math.floor(math.log10(value))
    return f"{math.floor(value / 10**exponent)}e{exponent}"
