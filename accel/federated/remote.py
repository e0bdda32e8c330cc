"""A round whose clients are owners on other machines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from accel.errors import RunError
from accel.federated.agreed import digest_of, facts_of, what_leaves
from accel.federated.client_log import ClientLog
from accel.federated.clients import Batch, Round
from accel.federated.local import Score
from accel.federated.release import Release
from accel.federated.roster import Roster, tell
from accel.federated.round import LOSS, NORM, WEIGHT, FederatedRound, Rules
from accel.federated.sent import bytes_up

FILE = "owners.jsonl"
"""One line for each round: who answered, who was left out and why."""
RETRY_S = 1.0


class Places:
    """The clients of a round, where they are owners: a place for each that may join."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.weights = np.ones(count)
        self.name: Callable[[int], str] = str

    def __len__(self) -> int:
        return self.count

    def num_steps(self, client: int) -> int:
        """Nobody else's business."""
        del client
        return 1

    def batches(self, client: int, number: int) -> Iterator[Batch]:
        """An owner's examples stay where they are."""
        raise NotImplementedError


class RemoteRound(FederatedRound):
    """Sends the common weights to the owners that are drawn, and takes their updates.

    Args:
        wait_s: how long owners are waited for where none is there.
        folder: where it is written who took part; None where nothing may be.
    """

    def __init__(
        self,
        score: Score,
        model: nn.Module,
        rules: Rules,
        log: ClientLog | None,
        release: Release,
        *,
        wait_s: float,
        folder: Path | None,
    ) -> None:
        super().__init__(score, model, rules, log, release)
        self.model = model
        self.wait_s = wait_s
        self.folder = folder if release.exact else None
        self.roster: Roster | None = None

    def open(self, roster: Callable[..., Roster], objective: Any) -> None:
        """Begin to listen, and wait for all owners to join.

        Args:
            roster: made of what owners are told, and of the weights that are exchanged, by name.
        """
        like = {name: p.detach() for name, p in self.model.named_parameters() if p.requires_grad}
        sent_as = self.rules.sent_as
        told = {
            "labels": list(getattr(objective, "label_names", ())),
            "objective": facts_of(objective),
            "frozen": frozen_of(self.model),
            "leaves": what_leaves(
                sum(p.numel() for p in like.values()), bytes_up(list(like.values()), sent_as), sent_as.name
            ),
        }
        self.roster = roster(told=told, like=like, sent_as=sent_as)
        host, port = self.roster.address
        tell(f"Listening on {host}:{port} for {self.roster.places} owner(s). {told['leaves']}")
        self.roster.wait(self.roster.places, within=self.wait_s)

    def close(self, words: dict[str, Any]) -> None:
        """Part with all owners; safe to call again."""
        if self.roster is not None:
            self.roster.close(words)
            self.roster = None

    def _figures(self, round_: Round, answering: np.ndarray, start: Sequence[Tensor]) -> Tensor:
        assert self.roster is not None  # a callback opens it
        round_.clients.name = self.roster.name  # type: ignore[method-assign]
        figures = torch.zeros(len(round_.clients), 3, dtype=torch.float64)
        answers, left = self._asked(round_, answering, start)
        for slot in sorted(answers):  # in an order of its own, so that sums do not depend on who was quicker
            answer = answers[slot]
            weight = self.release.add(answer.updates, answer.examples)
            figures[slot, WEIGHT], figures[slot, LOSS] = weight, answer.loss
            figures[slot, NORM] = float(nn.utils.get_total_norm(answer.updates))
        self._note(round_.number, {self.roster.name(s): a.bytes_up for s, a in answers.items()}, left)
        return figures

    def _asked(self, round_: Round, answering: np.ndarray, start: Sequence[Tensor]) -> tuple[dict[int, Any], Any]:
        """The answers of a round; where the mean needs one and nobody gave it, those of another attempt."""
        assert self.roster is not None
        words = {"round": round_.number, "rates": [group["lr"] for group in round_.server.param_groups]}
        end = time.monotonic() + self.wait_s
        while True:
            self.roster.wait(1, within=self.wait_s)
            answers, left = self.roster.round(words, answering.tolist(), start)
            if answers or not self.release.exact:  # a private round must not depend on who is there
                return answers, left
            if time.monotonic() > end:
                raise RunError(
                    f"Round {round_.number}: none of the owners that were drawn answered within strategy.timeout_s="
                    f"{self.wait_s:g} s. Go on with resume=RUN when they are there."
                )
            time.sleep(RETRY_S)

    def _note(self, number: int, answered: dict[str, int], left: dict[str, str]) -> None:
        if self.folder is None:
            return
        line = {"round": number, "bytes_up": answered, "left_out": left}
        with (self.folder / FILE).open("a", encoding="utf8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def frozen_of(model: nn.Module) -> str:
    """A digest of the weights that are not exchanged, which owner and aggregator each have of their own."""
    frozen = ((name, p.detach().cpu().contiguous()) for name, p in model.named_parameters() if not p.requires_grad)
    return digest_of((name, p.view(-1).view(torch.uint8).numpy().tobytes()) for name, p in frozen)
