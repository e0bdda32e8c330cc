"""Federated training, simulated: many owners of data train one model, and only updates of its weights are put together.

What it does: deals the examples out to ``clients``; in each of ``rounds`` some of them train from the common weights,
    and the server applies the mean of their updates. Every process holds one model and trains its share of a round's
    clients in turn. What is exchanged is what the tuning trains.
Use it when: you want to know, before anybody signs anything, what accuracy is lost when records cannot be pooled, and
    how many bytes and rounds it takes.
What it costs: a round costs its clients' steps and one sum of updates. It is a simulation, unless ``listen`` says where
    real owners join (``accel help federated``). Updates alone do not protect records, which can be rebuilt from them
    (Zhu et al. 2019, arXiv 1906.08935).
Composes with: every tuning that the server can average; ``privacy=dpfedavg``; qat, ptq and the scores of other
    compressions that look at no client's example. A dense baseline is trained on all examples together: it shows what
    pooling would give.
Off switch: ``strategy=single`` or ``strategy=ddp``, which pool all examples.
Reference: McMahan et al. 2017 (arXiv 1602.05629); Reddi et al. 2021 (arXiv 2003.00295); Li et al. 2020 (arXiv
    1812.06127); the design of the simulation is that of pfl-research (arXiv 2404.06430).

    accel strategy=federated strategy.clients=20 strategy.partition=dirichlet strategy.alpha=0.1 strategy.rounds=30
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from accel.core.facts import Cohorts, Evidence, Facts, History, Step
from accel.core.option import Objection, typed
from accel.core.task import TokenTask
from accel.errors import DataError
from accel.federated.choices import LocalOptimizer, Partition, SentAs, ServerOptimizer
from accel.federated.secret import address_of, secret_of
from accel.strategy._distributed import Distributed

if TYPE_CHECKING:
    import numpy as np
    from pytorch_lightning import Callback
    from pytorch_lightning.strategies import ParallelStrategy
    from torch import nn
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Federated(Distributed):
    """A server and its clients, in turn."""

    fewest: ClassVar[int] = 1
    fewest_said: ClassVar[str] = "at least 1"
    trains_locally: ClassVar[bool] = True
    said_freely: ClassVar[tuple[str, ...]] = ("update_norm", "clients", "bytes_up", "bytes_down")
    """Under privacy these are about what is released, and the expected number of clients."""

    processes: int = 1
    """How many processes share the clients of a round, on each machine."""
    clients: int = 10
    """How many owners the examples are dealt out to; ``partition=owner`` counts them itself."""
    partition: Partition = Partition.iid
    """iid deals evenly; dirichlet draws each client's share of every label, quantity its size; labels gives each two
    pieces of the examples sorted by label; owner is whose they are, as the task says (``task.owner``)."""
    alpha: float = 1.0
    """Of dirichlet and quantity: the smaller, the less alike clients are."""
    rounds: int = 20
    """How often the server moves; they are the run's steps, and ``trainer.epochs`` has no meaning."""
    cohort: float | None = None
    """Clients per round on average, each drawn by its own coin; null: all in every round."""
    local_steps: int | None = None
    """Batches that a client trains on in a round."""
    local_epochs: int = 1
    """Passes of a client over its examples in a round; ignored when ``local_steps`` is given."""
    local_optimizer: LocalOptimizer = LocalOptimizer.trainer
    """trainer is the trainer's own, begun anew in every round; or sgd."""
    server_optimizer: ServerOptimizer = ServerOptimizer.sgd
    """sgd applies the mean update as it is (FedAvg); momentum, adam and yogi remember earlier ones."""
    server_learning_rate: float | None = None
    """By which an update is multiplied; null: 1, or 0.01 for adam and yogi."""
    proximal: float = 0.0
    """FedProx: how strongly a client is pulled back to the common weights."""
    weigh_by_examples: bool | None = None
    """Whether a client counts as much as it has examples; null: it does, but not where clients are private."""
    compress: SentAs = SentAs.none
    """How updates are sent: bf16 halves them; int8 has a scale for each row and rounds at random."""
    drop: float = 0.0
    """Share of a round's clients that do not answer."""
    validate_every: int = 1
    """Rounds from one look at the validation split to the next."""

    bars: bool = False
    """Also train each client alone, and all examples together, for as many passes: what joining brings an owner."""

    listen: str | None = None
    """HOST:PORT where real owners join (``accel federate serve``); null simulates clients of the task's examples."""
    answer_s: int = 600
    """How long an owner may take for its part of a round before it is left out."""
    secret_file: str | None = None
    """The secret that owners and aggregator share; null: the environment's ACCEL_FEDERATE_SECRET."""
    tls_certificate: str | None = None
    """A certificate for TLS, in PEM; null: connections are authenticated and not encrypted."""
    tls_key: str | None = None
    """Its private key."""

    def planned_steps(self) -> int:
        return self.rounds

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        yield from self._objections_to_trainer(plan)
        yield from self._objections_to_amounts()
        yield from self._objections_to_owners(plan)
        yield from self._objections_to_labels(plan)
        yield from self._objections_to_listening(plan)
        yield from self._objections_to_bars(plan)
        if self.cohort is not None and not 0 < self.cohort <= (math.inf if self.partition.is_given else self.clients):
            yield self.out_of_range("cohort", f"positive and at most strategy.clients={self.clients}", "null")
        if not 0 <= self.drop < 1:
            yield self.out_of_range("drop", "in [0, 1): a share of clients", "0")
        if not 0 <= self.proximal < math.inf:
            yield self.out_of_range("proximal", "finite and not negative", "0")

    def _objections_to_trainer(self, plan: Plan) -> Iterator[Objection]:
        for name, neutral, because in (
            ("max_steps", None, "the steps of a federated run are its rounds"),
            ("accumulate", 1, "a round is one step of the server, whatever a client's batch is"),
        ):
            if (value := getattr(plan.trainer, name)) != neutral:
                instead = f"strategy.rounds={value}" if neutral is None else f"trainer.{name}={neutral}"
                yield Objection(f"trainer.{name}={value}  with  strategy=federated", because, instead)

    def _objections_to_owners(self, plan: Plan) -> Iterator[Objection]:
        if self.partition.is_given and not plan.task.has_owners():
            yield Objection(
                f"strategy.partition=owner  with  task={plan.task.option_name()}",
                "the task does not say whose its examples are",
                "task=text_classification with task.owner=COLUMN, or strategy.partition=dirichlet",
            )

    def _objections_to_listening(self, plan: Plan) -> Iterator[Objection]:
        """Owners bring their own examples, train the plain model, and drop out by themselves."""
        if self.listen is None:
            return
        if address_of(self.listen) is None:
            yield self.out_of_range("listen", "HOST:PORT", "0.0.0.0:7070")
        if self.answer_s < 1:
            yield self.out_of_range("answer_s", "at least 1 second", "600")
        if (self.tls_certificate is None) != (self.tls_key is None):
            yield self.out_of_range("tls_key", "given together with strategy.tls_certificate", "FILE")
        alone = (("partition", Partition.iid), ("processes", 1), ("nodes", 1), ("drop", 0.0))
        for name, neutral in alone:
            if (value := getattr(self, name)) != neutral:
                yield Objection(
                    f"strategy.{name}={getattr(value, 'name', value)}  with  strategy.listen",
                    "that is of a simulation; here owners come with examples of their own, on machines of their own",
                    f"strategy.{name}={getattr(neutral, 'name', neutral)}",
                )
        for technique in plan.compression:
            if not technique.after_training:
                yield Objection(
                    f"{typed(technique)}  with  strategy.listen",
                    "it changes the model or its loss while it is trained, and owners train the plain model",
                    "compression=[ptq], or a simulation: strategy.listen=null",
                )

    def _objections_to_bars(self, plan: Plan) -> Iterator[Objection]:
        """The three are the same model, trained on other examples; and examples that are here and may be seen."""
        if not self.bars:
            return
        chosen, instead = f"{self.key}.bars=true", f"{self.key}.bars=false"
        if self.listen is not None:
            yield Objection(f"{chosen}  with  {self.key}.listen", "the owners' examples are not here", instead)
        if plan.privacy is not None:
            because = "what a client trains alone, and all examples together, would not be private"
            yield Objection(f"{chosen}  with  {typed(plan.privacy)}", because, instead)
        for technique in plan.compression:
            because = "bars are of dense models that differ in their examples alone"
            yield Objection(f"{chosen}  with  {typed(technique)}", because, f"{instead}, or leave {technique.key} out")

    def check_machine(self) -> None:
        """Refuse to listen without a secret, or with a certificate that cannot be read."""
        if self.listen is not None:
            from accel.federated.tls import serving

            secret_of(Path(self.secret_file) if self.secret_file else None, os.environ)
            serving(self.tls_certificate, self.tls_key)

    @property
    def caveat(self) -> str:
        if self.listen is None:
            return ""
        return (
            "Owners trained at their own places; the aggregator was sent an update of each in each round, its count of "
            "examples and its loss. Updates are no protection: texts can be rebuilt from them."
        )

    def _objections_to_labels(self, plan: Plan) -> Iterator[Objection]:
        if self.partition.needs_labels and isinstance(plan.task, TokenTask):
            yield Objection(
                f"strategy.partition={self.partition.name}  with  task={plan.task.option_name()}",
                "it deals examples out by their label, and here an example has many or none",
                "strategy.partition=quantity, or iid",
            )

    def _objections_to_amounts(self) -> Iterator[Objection]:
        for name in ("clients", "rounds", "local_steps", "local_epochs", "validate_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield self.out_of_range(name, "at least 1", "1")
        for name in ("alpha", "server_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                yield self.out_of_range(name, "positive and finite", "1")

    def cohorts(self, owners: Sequence[str]) -> Cohorts:
        clients = len(set(owners)) if self.partition.is_given else self.clients
        return Cohorts(clients, min(self.cohort or clients, clients))

    def check_data(self, tokenizer: PreTrainedTokenizerBase, objective: Objective, max_length: int) -> None:
        del tokenizer, max_length
        if self.partition.needs_labels and not objective.chooses_one:
            raise DataError(
                f"strategy.partition={self.partition.name} deals examples out by their labels, and this task's have "
                "not one each. Use strategy.partition=quantity, or iid."
            )

    @property
    def has_budget(self) -> bool:
        return True

    def check_budget(self, model: nn.Module, facts: Facts) -> None:
        """Refuse more clients than there are examples."""
        del model
        if self.listen is None and not self.partition.is_given and self.clients > facts.num_examples:
            raise DataError(
                f"strategy.clients={self.clients} is more than the {facts.num_examples} training examples, and a "
                f"client without any could not train. Use strategy.clients={max(1, facts.num_examples // 10)}."
            )

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        from accel.process.lightning import one_process

        alone = {"devices": 1, "accelerator": "auto", "plugins": [*args.get("plugins", []), one_process()]}
        spread = {**args, **alone} if self.num_processes() == 1 else super().trainer_args(args)
        rounds = {"max_steps": self.rounds, "max_epochs": -1, "check_val_every_n_epoch": self.validate_every}
        return {**spread, **rounds}

    def lightning_strategy(self) -> ParallelStrategy:
        from accel.process.lightning import RoundsStrategy

        return RoundsStrategy(timeout_s=self.timeout_s)

    def adapt_step(self, step: Step, model: nn.Module, facts: Facts) -> Step:
        import torch.distributed as dist

        from accel.federated.client_log import ClientLog
        from accel.federated.release import Mean, Released
        from accel.federated.round import FederatedRound, Rules

        mean = Mean(by_examples=self.weigh_by_examples is not False)
        release = step.release if isinstance(step, Released) else mean
        leads = not dist.is_initialized() or dist.get_rank() == 0
        log = ClientLog(facts.folder) if facts.folder is not None and leads and release.exact else None
        rules = Rules(
            expected=self.cohort,
            drop=self.drop,
            sent_as=self.compress,
            proximal=self.proximal,
            seed=facts.seed,
        )
        if self.listen is not None:
            from accel.federated.remote import RemoteRound

            return RemoteRound(step, model, rules, log, release, wait_s=self.timeout_s, folder=facts.folder)
        return FederatedRound(step, model, rules, log, release)

    def adapt_loader(self, loader: DataLoader[Any], facts: Facts) -> DataLoader[Any]:
        from accel.federated.clients import Clients, RoundLoader

        if self.listen is not None:
            from accel.federated.remote import Places

            return RoundLoader(Places(self.clients))  # type: ignore[arg-type, return-value]
        shares = list(self.clients_of(loader.dataset, facts.seed, trains=True).values())
        clients = Clients(loader, shares, local_steps=self.local_steps, local_epochs=self.local_epochs)  # type: ignore[arg-type]
        return RoundLoader(clients)  # type: ignore[return-value] - Lightning takes anything that yields batches

    def clients_of(self, split: Any, seed: int, *, trains: bool = False) -> Mapping[str, np.ndarray]:
        from accel.federated.partition import by_owner, deal

        if self.listen is not None:
            return {}
        if self.partition.is_given:
            return by_owner(split.owners)
        labels = split.labels if self.partition.needs_labels else range(len(split))
        dealt = deal(self.partition, labels, clients=self.clients, alpha=self.alpha, seed=seed, trains=trains)
        return {str(number): share for number, share in enumerate(dealt)}

    def plain(self, plan: Plan, owners: Sequence[str], clients: int = 1) -> Plan:
        """As ordinary training: what so many clients take of passes, or of batches, in all rounds."""
        from accel.strategy.single import Single

        cohorts = self.cohorts(owners)
        rounds = self.rounds * cohorts.expected / cohorts.clients
        steps = self.local_steps and max(1, round(rounds * self.local_steps * clients))
        epochs = max(1, round(rounds * self.local_epochs))
        trainer = replace(plan.trainer, max_steps=steps, epochs=epochs)  # type: ignore[type-var]
        return replace(plan, strategy=Single(), trainer=trainer, tracker=None)

    def adapt_optimizer(self, optimizer: Optimizer, model: nn.Module, facts: Facts) -> Optimizer:
        import torch

        from accel.federated.server import Server

        del model, facts
        plain = {LocalOptimizer.sgd: torch.optim.SGD}.get(self.local_optimizer)
        groups = [{name: group[name] for name in ("params", "lr", "weight_decay")} for group in optimizer.param_groups]
        rate = self.server_learning_rate or self.server_optimizer.usual_rate
        return Server(plain(groups) if plain else optimizer, self.server_optimizer, rate)

    def callbacks(self, facts: Facts) -> list[Callback]:
        from accel.process.begin_round import BeginRound

        del facts
        if self.listen is None:
            return [BeginRound()]
        from accel.process.serve_owners import ServeOwners

        return [ServeOwners(), BeginRound()]

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        processes = super().evidence(model, history)
        moved, answered = history.get("update_norm", []), history.get("clients", [])
        # a private run ends when its budget is spent, also on rounds that were done again after a break
        spent = bool(moved) and "noise_multiplier" in history
        return Evidence(
            acted=processes.acted and (len(moved) == self.rounds or spent) and max(moved, default=0.0) > 0,
            figures={
                **processes.figures,
                **({} if self.partition.is_given else {"clients": self.clients}),
                "rounds": len(moved),
                "clients_per_round": sum(answered) / max(1, len(answered)),
                **{name: int(sum(history.get(name, []))) for name in ("bytes_up", "bytes_down")},
                **{n: history[n][-1] for n in ("worst_decile_loss", "aggregation_error") if history.get(n)},
            },
            expected=f"{self.rounds} rounds whose updates moved the weights, on {self.num_processes()} processes",
        )
