"""One round: the clients train in turn, their updates are added up, and the mean is handed over as a gradient.

Every process holds one model and trains its share of a round's clients (as Apple's pfl-research does, Granqvist et al.
2024, arXiv 2404.06430); what crosses between processes is one sum of updates. McMahan et al. 2017, FedAvg (arXiv
1602.05629); the proximal term is FedProx's (Li et al. 2020, arXiv 1812.06127).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from accel.federated.choices import SentAs
from accel.federated.client_log import ClientLog
from accel.federated.clients import Round
from accel.federated.cohort import Cohort, dealt
from accel.federated.local import LocalTraining, Score, put
from accel.federated.lora_products import LoraProducts
from accel.federated.release import Mean, Release
from accel.federated.sent import bytes_down, bytes_up, received
from accel.ops.hand_over import hand_over
from accel.ops.parallel.shards import add_up

WEIGHT, LOSS, NORM = range(3)
"""Columns of a round's figures, one row per client."""
WORST = 0.1
"""Share of a round's clients that the worst decile is."""


@dataclass(frozen=True)
class Rules:
    """What all clients of a run have agreed on."""

    expected: float | None
    """Clients per round on average; None for all."""
    drop: float
    """Share of a round's clients that do not answer."""
    sent_as: SentAs
    proximal: float
    seed: int

    def cohort(self, clients: int) -> Cohort:
        """Who takes part, of so many."""
        return Cohort(clients, self.expected or clients, self.drop, self.seed)


class FederatedRound:
    """Turns a round into the mean update of its clients, and hands it over when the loss is differentiated.

    All training happens inside; the model is left as it was before. Weights that learn are exchanged, and no others.

    Args:
        log: where each client's figures go; None where nothing is kept.
        release: what becomes of the updates.
    """

    def __init__(
        self, score: Score, model: nn.Module, rules: Rules, log: ClientLog | None, release: Release | None = None
    ) -> None:
        self.rules = rules
        self.log = log
        self.release = release or Mean(by_examples=True)
        self.exchanged = [p for p in model.parameters() if p.requires_grad]
        self.local = LocalTraining(score, self.exchanged, rules.proximal, rules.seed)
        self.products = LoraProducts(model if self.release.exact else nn.Module(), rules.seed)
        self.total: list[Tensor] = []

    def __call__(self, round_: Round) -> dict[str, Tensor]:
        cohort, device = self.rules.cohort(len(round_.clients)), self.exchanged[0].device
        asked, answering = self.release.cohort(cohort, round_.number, device)
        start = [p.detach().clone() for p in self.exchanged]
        self.release.begin(start)
        self.products.begin()
        figures = self._figures(round_, answering, start)[answering]
        self.total = self.release.finish(float(figures[:, WEIGHT].sum()))
        if self.log is not None:
            self.log.write(round_.number, [round_.clients.name(c) for c in answering.tolist()], figures)
        terms = self._terms(asked, figures)
        return {**terms, "loss": hand_over(self.exchanged[0], terms["loss"], self._deliver)}

    def _mine(self, round_: Round, answering: np.ndarray) -> list[int]:
        rank, size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        return dealt(answering.tolist(), [round_.clients.num_steps(c) for c in answering.tolist()], rank, size)

    def _figures(self, round_: Round, answering: np.ndarray, start: Sequence[Tensor]) -> Tensor:
        """Those of all clients, after the updates of the round have been taken; zeros for who has sent none."""
        figures = torch.zeros(len(round_.clients), 3, dtype=torch.float64)
        for client in self._mine(round_, answering):
            figures[client] = torch.tensor(self._train(round_, client, start), dtype=torch.float64)
        put(self.exchanged, start)
        return add_up(figures.to(start[0].device)).cpu()

    def _train(self, round_: Round, client: int, start: Sequence[Tensor]) -> tuple[float, float, float]:
        """One client's local training, from the common weights; its update goes into the total.

        Returns:
            Its weight in the mean, the mean loss of its steps, and the norm of its update.
        """
        batches = round_.clients.batches(client, round_.number)
        optimizer = round_.server.fresh_local()
        loss = self.local.train(batches, optimizer, round_.bound, start, client=client, number=round_.number)
        with torch.no_grad():
            updates = [received(p - s, self.rules.sent_as) for p, s in zip(self.exchanged, start, strict=True)]
            weight = self.release.add(updates, float(round_.clients.weights[client]))
            self.products.add(weight)
        return weight, loss, float(nn.utils.get_total_norm(updates))

    def _terms(self, asked: float, figures: Tensor) -> dict[str, Tensor]:
        counted = figures[figures[:, WEIGHT] > 0]  # not of a client that was left out, whose loss may be no number
        weights, losses = counted[:, WEIGHT], counted[:, LOSS]
        answered = self.release.answered(len(figures))
        worst = losses.sort(descending=True).values[: max(1, round(WORST * len(losses)))]
        found = {
            "loss": (weights * losses).sum() / weights.sum() if len(losses) else 0.0,
            "worst_decile_loss": worst.mean() if len(losses) else 0.0,
            "clients": answered,
            "update_norm": nn.utils.get_total_norm(self.total),
            "bytes_up": answered * bytes_up(self.exchanged, self.rules.sent_as),
            "bytes_down": asked * bytes_down(self.exchanged),
            **self.products.error(self.exchanged, self.total, float(weights.sum())),
            **self.release.terms(),
        }
        return {name: torch.as_tensor(value).to(self.exchanged[0].device) for name, value in found.items()}

    def _deliver(self) -> None:
        for weight, mean in zip(self.exchanged, self.total, strict=True):
            weight.grad = -mean
