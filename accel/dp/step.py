"""One private step: clip every record's gradient, add them up, add noise, divide by the expected number of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from accel.data.tokenized import RECORDS
from accel.dp.canaries import Canaries
from accel.dp.clipping import Clip, automatic, flat
from accel.dp.ledger import Ledger
from accel.dp.noise import GaussianNoise
from accel.dp.poisson import LogicalBatch, Part
from accel.dp.sums import Sums, part_of
from accel.ops.hand_over import hand_over
from accel.ops.parallel.shards import add_up, computes_on, from_part, greatest, is_sharded

Score = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""A batch -> named scalar terms, of which ``loss`` is the mean of losses that belong to one record each."""


class PrivateStep:
    """Turns a logical batch into a noisy mean gradient, and hands it over when the loss is differentiated.

    All backward passes happen inside, one for each physical batch. What is returned is a scalar whose own backward puts
    the result into ``.grad``: to the trainer it is a loss like any other.
    """

    def __init__(
        self, score: Score, book: Sums, ledger: Ledger, noise: GaussianNoise, canaries: Canaries | None = None
    ) -> None:
        self.score = score
        self.book = book
        self.ledger = ledger
        self.noise = noise
        self.canaries = canaries
        mechanism = ledger.mechanism
        self.clip: Clip = {"automatic": automatic}.get(mechanism.clipping, flat)(mechanism.max_grad_norm)
        self.per_layer = mechanism.clipping == "per_layer"
        self.leads = not dist.is_initialized() or dist.get_rank() == 0

    def __call__(self, logical: LogicalBatch) -> dict[str, Tensor]:
        self.ledger.charge()  # before anything of this step exists
        self.book.zero()
        parts = self._as_many_as_others(logical.parts)
        terms = [self._book(batch, real) for batch, real in parts]
        if self.canaries is not None:
            self.canaries.join(np.array(logical.canaries, dtype=int), self.clip, per_layer=self.per_layer)
        added = self._release()
        if self.canaries is not None:
            self.canaries.listen()
        means = _means(terms, [int(real.sum()) for _, real in parts])
        means["noise_multiplier"] = torch.tensor(added)
        return {**means, "loss": hand_over(self.book.dummy, means["loss"], self._hand_over)}

    def _as_many_as_others(self, parts: list[Part]) -> list[Part]:
        """Batches, as many as the process with the most has: all gather a sharded layer's weights together.

        What fills up is the batch of the shortest records again, of which none counts.
        """
        if not any(is_sharded(p) for p in self.book.parameters):
            return parts
        most = int(greatest(torch.tensor(len(parts), device=self._device())))
        batch, real = parts[0]
        return [*parts, *[(batch, torch.zeros_like(real))] * (most - len(parts))]

    def _device(self) -> torch.device:
        return computes_on(self.book.parameters[0])

    def _book(self, batch: Mapping[str, Tensor], real: Tensor) -> dict[str, Tensor]:
        records = batch.get(RECORDS)
        self.book.batch_size = len(real if records is None else records)
        terms = self.score(batch)
        (terms["loss"] * len(real)).backward()
        with torch.autocast(terms["loss"].device.type, enabled=False):
            counted = real.to(terms["loss"].device)
            norms = self.book.flush(self.clip, counted, per_layer=self.per_layer, records=records)
        clipped = (norms > self.ledger.mechanism.max_grad_norm).float().mean()
        return {name: value.detach() for name, value in terms.items()} | {"clipped_share": clipped}

    @torch.no_grad()
    def _release(self) -> float:
        """The sums of all ranks, then noise once: on the rank that leads, and of sharded sums on each rank its part.

        Not the other way round: what is added to a sum after its noise is rounded would show in the low digits.

        Returns:
            The noise multiplier, 0 if a rank added no noise that should have; it depends on no record.
        """
        mechanism = self.ledger.mechanism
        parts = [part_of(p) for p in self.book.parameters if is_sharded(p)]  # added up already, batch by batch
        sums = [part_of(p) for p in self.book.parameters if not is_sharded(p)]
        together = dist.is_initialized()
        for total in sums if together else ():
            dist.reduce(total, 0)
        added = self._add_noise([*parts, *(sums if self.leads else ())])
        for total in sums if together else ():
            dist.broadcast(total, 0)
        for total in (*parts, *sums):
            total.div_(mechanism.expected_batch_size)
        return added

    def _add_noise(self, tensors: list[Tensor]) -> float:
        """To what is this rank's; the least noise multiplier of all ranks."""
        mechanism, before = self.ledger.mechanism, self.noise.calls
        if tensors:
            self.noise.add_(tensors, mechanism.noise_multiplier * mechanism.max_grad_norm)
        lacks_noise = torch.tensor(float(bool(tensors) and self.noise.calls == before), device=self._device())
        return 0.0 if greatest(lacks_noise) else mechanism.noise_multiplier

    def _hand_over(self) -> None:
        for parameter in self.book.parameters:
            found = part_of(parameter)
            parameter.grad = from_part(found, parameter) if is_sharded(parameter) else found


def _means(terms: Sequence[Mapping[str, Tensor]], sizes: Sequence[int]) -> dict[str, Tensor]:
    """Means over the records of a step, so scaled that their average over ranks is the mean over all ranks' records."""
    weights = torch.tensor(sizes, dtype=torch.float64, device=terms[0]["loss"].device)
    total = add_up(weights.sum())
    world_size = dist.get_world_size() if dist.is_initialized() else 1
    weights = weights * world_size / total.clamp_min(1)
    return {name: (torch.stack([t[name].double() for t in terms]) * weights).sum() for name in terms[0]}
