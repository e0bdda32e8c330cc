"""Differentially private federated training: what any one client changes in the model is bounded, with all its records.

What it does: shortens the update of every client to ``max_update_norm`` over all exchanged tensors, in float64, adds
    Gaussian noise to their sum over a secret Poisson cohort once, divides by the expected number of clients, and counts
    what was spent in a ledger that is written ahead of every round.
Use it when: an owner's participation must not show in the model: users of a phone, customers, members.
What it costs: accuracy, and more with fewer clients: noise is for one client among the cohort. Below about 200 clients
    little is left; a few institutions need a guarantee for records instead. The aggregator is trusted: it sees updates.
Composes with: ``strategy=federated`` alone; every tuning and server optimizer; qat, ptq and compressions that look at
    no client's example. Few weights (``tuning=bitfit``, ``tuning=lora tuning.train=b``) carry less noise.
Off switch: ``privacy=none``.
Reference: McMahan et al. 2018 (arXiv 1710.06963); the audit: Steinke et al. 2023 (arXiv 2305.08846), Andrew et al. 2024
    (arXiv 2302.03098).

    accel strategy=federated strategy.clients=1000 strategy.cohort=100 strategy.rounds=50 privacy=dpfedavg tuning=bitfit
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.facts import Cohorts, Evidence, Facts, History, Step
from accel.core.option import Objection, typed
from accel.privacy._gaussian import Gaussian

if TYPE_CHECKING:
    from torch import nn

    from accel.core.plan import Plan
    from accel.data import Dataset
    from accel.dp.mechanism import Mechanism

FEW_CLIENTS = 200
"""Fewer are worth a word; the number is ours: at 200, delta = 1 / (10 clients) is 5e-4."""


@dataclass(kw_only=True)
class Dpfedavg(Gaussian):
    """DP-FedAvg with a fixed denominator."""

    protects_clients: ClassVar[bool] = True
    counted: ClassVar[str] = "clients"
    units: ClassVar[str] = "clients"

    max_update_norm: float = 1.0
    """How long the update of a client may be, over all tensors; longer ones are shortened."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        yield from self.objections_to_packages()
        yield from self.objections_to_budget()
        if not 0 < self.max_update_norm < math.inf:
            yield self.out_of_range("max_update_norm", "positive and finite", "1")
        if getattr(plan.strategy, "weigh_by_examples", None):
            yield Objection(
                f"strategy.weigh_by_examples=true  with  {typed(self)}",
                "how many examples a client has is its secret too, and a client with many would move the model by more "
                "than the bound",
                "strategy.weigh_by_examples=false",
            )

    def check_records(self, dataset: Dataset, plan: Plan) -> list[str]:
        """For how many clients the settings make sense."""
        notes = super().check_records(dataset, plan)
        cohorts = plan.strategy.cohorts(dataset.train.owners)
        assert cohorts is not None  # a rule says so
        self.check_delta(cohorts.clients)
        return [*notes, *self._said_of(cohorts)]

    def _said_of(self, cohorts: Cohorts) -> Iterator[str]:
        count = cohorts.clients
        yield from self.said_of_delta(count)
        if count < FEW_CLIENTS:
            yield (
                f"{count} clients are few for privacy of whole clients: the noise hides one among "
                f"{cohorts.expected:g}, and delta = {self.delta_for(count):.1e} is a large chance that the bound "
                f"fails. For a few institutions with many records each, protect records instead: strategy=ddp "
                f"privacy=dpsgd, where records may be pooled"
            )
        if cohorts.expected >= count:
            yield (
                f"Each of the {count} clients takes part in every round: privacy gains nothing from sampling; see "
                f"strategy.cohort"
            )

    def check_noise(self, dataset: Dataset, plan: Plan) -> None:
        cohorts, rounds = plan.strategy.cohorts(dataset.train.owners), plan.strategy.planned_steps()
        assert cohorts is not None
        assert rounds is not None
        self._noise(cohorts, rounds)

    def steps(self, num_examples: int) -> int:
        """A round is an epoch of one step; how many there are, the strategy says."""
        del num_examples
        return 1

    def _noise(self, cohorts: Cohorts, rounds: int) -> float:
        rate = cohorts.expected / cohorts.clients
        return self.noise_for(cohorts.clients, sample_rate=rate, steps=rounds)

    def mechanism(self, facts: Facts) -> Mechanism:
        """What the run will do, with the noise that its epsilon asks for."""
        from accel.dp.mechanism import Mechanism
        from accel.dp.statement import CLIENT

        assert facts.cohorts is not None
        return Mechanism(
            noise_multiplier=self._noise(facts.cohorts, facts.total_steps),
            max_grad_norm=self.max_update_norm,
            clipping="flat",
            sample_rate=facts.cohorts.expected / facts.cohorts.clients,
            expected_batch_size=facts.cohorts.expected,
            num_records=facts.cohorts.clients,
            steps=facts.total_steps,
            delta=self.delta_for(facts.cohorts.clients),
            accountant=self.accountant.name,
            epsilon_target=self.epsilon,
            test_mode=self.test_seed is not None,
            protects=CLIENT,
        )

    def adapt_step(self, step: Step, model: nn.Module, facts: Facts) -> Step:
        import torch.distributed as dist

        from accel.dp.clients import CanaryClients, Coins, PrivateMean
        from accel.dp.ledger import Ledger
        from accel.dp.noise import GaussianNoise
        from accel.federated.release import Released

        del model
        leads = not dist.is_initialized() or dist.get_rank() == 0
        mechanism = self.mechanism(facts)
        ledger = Ledger.open(facts.folder, mechanism, resumed=facts.resumed, writes=leads)
        coins = Coins(mechanism.sample_rate, self.test_seed)
        canaries = CanaryClients(self.num_canaries, mechanism, self.test_seed) if self.audit else None
        return Released(step, PrivateMean(ledger, GaussianNoise(self.test_seed), coins, canaries))

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        noise = history.get("noise_multiplier", [])
        shortened = history.get("clipped_share")
        return Evidence(
            acted=bool(noise) and (min(noise) > 0 or self.test_seed is not None),
            figures={
                "rounds_with_noise": len(noise),
                "least_noise_multiplier": min(noise, default=0.0),
                "bounded_weights": sum(p.numel() for p in model.parameters() if p.requires_grad),
                **({"clipped_share": sum(shortened) / len(shortened)} if shortened else {}),
            },
            expected="noise in every round, on updates that were clipped by client",
        )
