"""An owner's side: reads its own examples, trains on them when it is asked to, and sends updates, nothing else."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from accel import __version__
from accel.config.compose import compose
from accel.data import Dataset, Split
from accel.data.loader import ResumableLoader
from accel.data.prepared import prepare
from accel.errors import AccelError, ConfigError, DataError, RunError
from accel.federated.agreed import joined, same_objective
from accel.federated.channel import Channel, ChannelError, call, finite
from accel.federated.choices import SentAs
from accel.federated.clients import Clients
from accel.federated.remote import frozen_of
from accel.federated.roster import GREETING_S, READY_S, sent_parts, shapes_of, tell
from accel.federated.round import FederatedRound
from accel.federated.server import Server
from accel.plan.decide import decide
from accel.run.fit import facts_of
from accel.run.module import TransformerModule

RETRY_S = 2.0
UNFIT = "its data or its model do not fit; its own terminal says why"
"""All that an aggregator hears of an error here: the error itself may quote the data."""


class Refused(RunError):
    """The aggregator or the owner will not go on, however often it is tried."""


@dataclass(frozen=True)
class Place:
    """Where an aggregator is, and how it is talked to."""

    host: str
    port: int
    secret: bytes
    name: str
    context: ssl.SSLContext | None
    wait_s: float
    """How long is waited for the next round, and for an aggregator that is gone."""


@dataclass
class Sent:
    """What has left this machine, for the record."""

    aggregator: str
    name: str
    leaves: str = ""
    examples: float = 0.0
    rounds: list[int] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    bytes_sent: int = 0
    finished: bool = False

    def write(self, file: Path) -> None:
        """As JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(vars(self), indent=1, ensure_ascii=False), "utf8")


class LocalOwner:
    """The model and the examples of this owner, as the aggregator's settings want them.

    Raises:
        RefusedError: data or settings do not fit.
    """

    def __init__(self, told: Mapping[str, Any], typed: Sequence[str], name: str) -> None:
        if told.get("version") != __version__:
            raise ConfigError(
                f"The aggregator has accel {str(told.get('version'))[:20]}, and here is {__version__}. Install its."
            )
        plan = decide(compose(joined(told.get("words"), typed)))
        dataset = relabelled(plan.task.load(plan.seed), told.get("labels"))
        data = prepare(dataset, plan)
        if not same_objective(data.objective.artifact_facts(), told.get("objective")):
            raise DataError(
                "The aggregator's task is another one than this data's: it has another objective. Type task=… as the "
                "aggregator has it, with the same label names."
            )
        self.module = TransformerModule(plan, facts_of(plan, data), data.objective.scores(data.validation))
        self.module.configure_model()
        self.module.to(torch.device("cuda" if torch.cuda.is_available() else "cpu")).train()
        assert isinstance(self.module.step, FederatedRound)
        self.training = self.module.step.local
        self.server: Server = self.module.configure_optimizers()["optimizer"]
        loader = ResumableLoader(data.train, data.sampler(plan), data.collator())
        self.clients = Clients(
            loader,
            [np.arange(len(data.train))],
            local_steps=plan.strategy.local_steps,  # type: ignore[attr-defined] - the words choose federated
            local_epochs=plan.strategy.local_epochs,  # type: ignore[attr-defined]
        )
        self.sent_as: SentAs = plan.strategy.compress  # type: ignore[attr-defined]
        self.bound = partial(plan.trainer.clip_gradients, self.module.model)
        self.weights = {n: p for n, p in self.module.model.named_parameters() if p.requires_grad}
        self.number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:3])

    @property
    def examples(self) -> float:
        """By which its update is weighted."""
        return float(self.clients.weights[0])

    @property
    def largest(self) -> int:
        """Bytes of the weights that come."""
        return 4096 + sum(len(n) + 128 + p.numel() * p.element_size() for n, p in self.weights.items())

    def train(self, words: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """One round.

        Returns:
            The mean loss, and the update as it is sent.

        Raises:
            ChannelError: the aggregator has sent what was not agreed.
        """
        number = int(finite(words.get("round"), "the round"))
        if shapes_of(tensors) != shapes_of(self.weights):
            raise ChannelError("the aggregator has sent other weights than were agreed")
        rates = words.get("rates")
        if not isinstance(rates, list) or len(rates) != len(self.server.param_groups):
            raise ChannelError("the aggregator has sent no learning rates that fit")
        for group, rate in zip(self.server.param_groups, rates, strict=True):
            group["lr"] = finite(rate, "a learning rate")
        start = [tensors[name].to(p) for name, p in self.weights.items()]
        loss = self.training.train(
            self.clients.batches(0, number),
            self.server.fresh_local(),
            self.bound,
            start,
            client=self.number,
            number=number,
        )
        with torch.no_grad():
            updates = {n: p - s for (n, p), s in zip(self.weights.items(), start, strict=True)}
            return loss, sent_parts(updates, self.sent_as)


def relabelled(dataset: Dataset, names: Any) -> Dataset:
    """The same examples with labels numbered as the aggregator numbers them.

    Raises:
        DataError: a label that it does not have.
    """
    if not names or not dataset.label_names or list(names) == dataset.label_names:
        return dataset
    unknown = sorted(set(dataset.label_names) - set(names))
    if unknown:
        raise DataError(
            f"Some labels of this data ({', '.join(unknown)}) are not among those of the "
            f"aggregator's task: {', '.join(map(str, names))}. Correct the labels, or ask for a task that has them."
        )
    number = {i: list(names).index(name) for i, name in enumerate(dataset.label_names)}

    def of(label: Any) -> Any:
        return [of(one) for one in label] if isinstance(label, list | tuple) else number[label]

    def split(old: Split) -> Split:
        return replace(old, labels=[of(label) for label in old.labels])

    return replace(
        dataset,
        train=split(dataset.train),
        validation=split(dataset.validation),
        test=split(dataset.test),
        label_names=list(names),
    )


def take_part(
    place: Place, typed: Sequence[str], record: Path, say: Callable[[str], None] = tell, stop: Callable[[], bool] = bool
) -> Sent:
    """Join, train round after round, and go on when the aggregator comes back, until it says that all is done.

    Args:
        typed: overrides of this owner.
        record: where it is written what has left this machine.
        stop: asked between attempts.

    Raises:
        AccelError: the data do not fit, the secret is wrong, or the aggregator stays away.
    """
    sent = Sent(f"{place.host}:{place.port}", place.name)
    owner: tuple[str, LocalOwner] | None = None
    lost = time.monotonic()
    while not stop():
        try:
            channel = _connect(place)
        except ChannelError as error:
            if "secret" in str(error) or time.monotonic() - lost > place.wait_s:
                raise Refused(f"{sent.aggregator}: {error}.") from None
            time.sleep(RETRY_S)
            continue
        try:
            told = _introduced(channel, place)
            key = json.dumps(told, sort_keys=True)
            if owner is None or owner[0] != key:
                owner = (key, _made(channel, told, typed, place.name))
            _ready(channel, owner[1], told, sent, say)
            _rounds(channel, owner[1], place, sent, record, say)
        except ChannelError as error:
            say(f"Lost the aggregator: {error}. Calling again.")
            lost = time.monotonic()
            time.sleep(RETRY_S)
        finally:
            channel.close()
            sent.write(record)
        if sent.finished:
            break
    return sent


def _connect(place: Place) -> Channel:
    try:
        connection = socket.create_connection((place.host, place.port), timeout=GREETING_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if place.context is not None:
            connection = place.context.wrap_socket(connection, server_hostname=place.host)
    except ssl.SSLError as error:
        raise Refused(
            f"{place.host}:{place.port}: no TLS that can be trusted ({error}). Give the aggregator's certificate with "
            f"--tls-ca FILE; it must name this host."
        ) from None
    except OSError as error:
        raise ChannelError(f"nobody can be reached ({error})") from None
    try:
        return call(connection, place.secret, within=GREETING_S)
    except ChannelError:
        connection.close()
        raise


def _introduced(channel: Channel, place: Place) -> dict[str, Any]:
    channel.send({"name": place.name}, within=GREETING_S)
    told, _ = channel.receive(within=GREETING_S)
    return told


def _made(channel: Channel, told: Mapping[str, Any], typed: Sequence[str], name: str) -> LocalOwner:
    try:
        return LocalOwner(told, typed, name)
    except AccelError:
        with suppress(ChannelError):
            channel.send({"refused": UNFIT}, within=GREETING_S)
        raise


def _ready(
    channel: Channel, owner: LocalOwner, told: Mapping[str, Any], sent: Sent, say: Callable[[str], None]
) -> None:
    if told.get("shapes") != shapes_of(owner.weights):
        with suppress(ChannelError):
            channel.send({"refused": UNFIT}, within=GREETING_S)
        raise ConfigError("The aggregator trains weights of other shapes. Use the same model: model=…, model.path=….")
    sent.leaves, sent.examples = str(told.get("leaves"))[:1000], owner.examples
    channel.send({"examples": owner.examples, "frozen": frozen_of(owner.module.model)}, within=READY_S)
    say(f"Joined {sent.aggregator} as {sent.name} with {owner.examples:g} examples. {sent.leaves}")


def _rounds(
    channel: Channel, owner: LocalOwner, place: Place, sent: Sent, record: Path, say: Callable[[str], None]
) -> None:
    while not sent.finished:
        words, tensors = channel.receive(within=place.wait_s, largest=owner.largest)
        if "refused" in words:
            raise Refused(f"The aggregator refuses: {str(words['refused'])[:500]}.")
        if "later" in words:
            raise ChannelError("it has stopped, and may go on later")
        if "left_out" in words:
            say(f"The last update was left out: {str(words['left_out'])[:500]}.")
            sent.left_out[str(sent.rounds[-1] if sent.rounds else "")] = str(words["left_out"])[:500]
        elif "done" in words:
            sent.finished = True
        else:
            loss, parts = owner.train(words, tensors)
            before = channel.bytes_sent
            channel.send({"round": words["round"], "loss": loss}, parts, within=place.wait_s)
            sent.rounds.append(int(words["round"]))
            sent.bytes_sent += channel.bytes_sent - before
            sent.write(record)
            say(f"Round {words['round']}: loss {loss:.4f}; {(channel.bytes_sent - before) / 1e6:.3g} MB sent.")
