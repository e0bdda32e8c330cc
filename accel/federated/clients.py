"""The clients' examples, each with an order of its own, and the loader that hands out rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.data.sampler import TokenBudgetSampler

if TYPE_CHECKING:
    from torch import Tensor

    from accel.data.loader import ResumableLoader
    from accel.federated.server import Server

Batch = dict[str, "Tensor"]


class Clients:
    """Batches of every client; what a client trains on in a round follows from the seed and the round alone.

    Args:
        loader: of all examples; its limits of a batch are those of each client.
        shares: indices of each client's examples.
        local_steps: batches in a round; None for ``local_epochs`` passes over what the client has.
    """

    def __init__(
        self, loader: ResumableLoader, shares: Sequence[np.ndarray], *, local_steps: int | None, local_epochs: int
    ) -> None:
        self.loader = loader
        self.shares = shares
        self.local_steps = local_steps
        self.local_epochs = local_epochs
        self.weights = np.array([loader.order.counts[share].sum() for share in shares], dtype=np.float64)
        """Predictions of each client, by which the mean is weighted."""
        self._order = lru_cache(maxsize=len(shares))(self._new_order)

    def __len__(self) -> int:
        return len(self.shares)

    def name(self, client: int) -> str:
        """What its figures are called."""
        return str(client)

    def num_steps(self, client: int) -> int:
        """Local steps of a round."""
        return self.local_steps or self.local_epochs * self._order(client).num_steps

    def batches(self, client: int, number: int) -> Iterator[Batch]:
        """What a client trains on in a round, as if it had taken part in all rounds before."""
        count = self.num_steps(client)
        for indices in self._places(client, number * count, count):
            examples = [self.loader.dataset[int(self.shares[client][i])] for i in indices]
            yield self.loader.collate_fn(examples)  # type: ignore[misc] - of a ResumableLoader it gives a batch

    def _places(self, client: int, first: int, count: int) -> Iterator[list[int]]:
        order = self._order(client)
        epoch, skipped = divmod(first, order.num_steps)
        while count > 0:
            found = order.batches(epoch)[skipped : skipped + count]
            yield from found
            epoch, skipped, count = epoch + 1, 0, count - len(found)

    def _new_order(self, client: int) -> TokenBudgetSampler:
        common, share = self.loader.order, self.shares[client]
        return TokenBudgetSampler(
            np.asarray(self.loader.dataset.lengths)[share],  # type: ignore[attr-defined]
            batch_tokens=common.batch_tokens,
            batch_size=common.batch_size,
            seed=common.seed + client,
        )


class Round:
    """One optimizer step of the server: which round it is, and by what the clients train in it."""

    number: int
    """From 0."""
    server: Server
    bound: Callable[[], Any]
    """Bounds the gradients of a local step."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients


class RoundLoader:
    """One round per epoch, so that whatever happens at the end of an epoch happens after a round.

    It has no position: the number of a round is that of the steps that were taken.
    """

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Round]:
        yield Round(self.clients)
