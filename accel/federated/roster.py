"""The owners that have joined an aggregator: it lets them in, sends them a round, and takes what they answer in time.

Nothing that an owner does ends a round: who is slow, gone, or sends what is not allowed is left out of it, by name.
"""

from __future__ import annotations

import math
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from accel.errors import RunError
from accel.federated.channel import Channel, ChannelError, admit, finite
from accel.federated.choices import SentAs
from accel.federated.sent import Part, packed, parts_of, unpacked

GREETING_S = 10
"""So long has whoever connects to prove that he knows the secret."""
READY_S = 600
"""So long has an owner to read its data and build its model."""
MOST_STRANGERS = 32
"""Connections that have proven nothing yet, at a time."""
MOST_EXAMPLES = 1 << 40
NAME_CHARACTERS = 64
POLL_S = 0.05


@dataclass
class Owner:
    """One that has joined."""

    name: str
    slot: int
    channel: Channel
    examples: float
    asked: bool = False
    """Whether it is at work: only then has it something to say."""


@dataclass(frozen=True)
class Answer:
    """What an owner has sent in a round."""

    updates: list[Tensor]
    examples: float
    loss: float
    bytes_up: int


def shapes_of(weights: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """As both sides compare them."""
    return {name: list(weight.shape) for name, weight in weights.items()}


def sent_parts(weights: Mapping[str, Tensor], sent_as: SentAs) -> dict[str, Tensor]:
    """Updates as they go over the wire: a name for each part of each weight's."""
    return {f"{part}|{name}": t for name, w in weights.items() for part, t in packed(w, sent_as).items()}


def taken_parts(parts: Mapping[str, Tensor], like: Mapping[str, Tensor], sent_as: SentAs) -> list[Tensor]:
    """The updates of all weights, in their order, out of what came.

    Raises:
        ChannelError: a name, shape or format that was not agreed, or a number that is none.
    """
    expected = _expected(like, sent_as)
    if parts.keys() != expected.keys():
        raise ChannelError("it has sent other tensors than were agreed")
    for name, agreed in expected.items():
        if (found := (tuple(parts[name].shape), parts[name].dtype)) != agreed:
            raise ChannelError(f"{name} is {_said(found)}, and {_said(agreed)} was agreed")
    of_weight: dict[str, dict[str, Tensor]] = {name: {} for name in like}
    for key, tensor in parts.items():
        part, _, name = key.partition("|")
        of_weight[name][part] = tensor.to(like[name].device)
    updates = [unpacked(of_weight[name], weight) for name, weight in like.items()]
    if not all(bool(torch.isfinite(u).all()) for u in updates):
        raise ChannelError("its update has NaN or infinite numbers")
    return updates


def _expected(like: Mapping[str, Tensor], sent_as: SentAs) -> dict[str, Part]:
    return {f"{part}|{name}": agreed for name, w in like.items() for part, agreed in parts_of(w, sent_as).items()}


def _said(part: Part) -> str:
    shape, dtype = part
    return f"{str(dtype).removeprefix('torch.')} {list(shape)}"


def tell(text: str) -> None:
    """To the aggregator's or the owner's terminal, at once."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's own output


class Roster:
    """Listens, and holds a place for each owner.

    Args:
        address: where to listen; port 0 takes a free one.
        places: owners that may join.
        told: what every owner is told when it joins, as JSON.
        like: the weights that are exchanged.
        context: for TLS; None for plain connections.
    """

    def __init__(
        self,
        *,
        address: tuple[str, int],
        secret: bytes,
        places: int,
        told: Mapping[str, Any],
        like: Mapping[str, Tensor],
        sent_as: SentAs,
        answer_s: float,
        context: ssl.SSLContext | None = None,
        say: Callable[[str], None] = tell,
    ) -> None:
        self.secret, self.told, self.sent_as = secret, told, sent_as
        self.like, self.answer_s, self.context, self.say = like, answer_s, context, say
        self.largest = 4096 + sum(
            len(name) + 128 + math.prod(shape) * dtype.itemsize
            for name, (shape, dtype) in _expected(like, sent_as).items()
        )
        """Bytes of an update; a frame that says it has more is not read."""
        self.lock = threading.Lock()
        self.owners: dict[str, Owner] = {}
        self.slots: dict[str, int] = {}
        self.places = places
        self.strangers = threading.Semaphore(MOST_STRANGERS)
        try:
            self.listener = socket.create_server(address)
        except OSError as error:
            raise RunError(f"strategy.listen={address[0]}:{address[1]} cannot be listened on ({error}).") from None
        self.listener.settimeout(POLL_S)  # closing a socket wakes nobody who waits at it
        self.address = self.listener.getsockname()[:2]
        self.closed = False
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def wait(self, count: int, *, within: float) -> None:
        """Until so many owners are there.

        Raises:
            RunError: they do not come.
        """
        end = time.monotonic() + within
        while len(self.present()) < count:
            if time.monotonic() > end:
                names = ", ".join(sorted(o.name for o in self.present())) or "nobody"
                raise RunError(
                    f"{count} owner{'s' * (count != 1)} did not join within strategy.timeout_s={within:g} s; there: "
                    f"{names}. Start them with  accel federate join, then go on with resume=RUN."
                )
            time.sleep(POLL_S)

    def present(self) -> list[Owner]:
        """Who is connected now."""
        with self.lock:
            for owner in [o for o in self.owners.values() if not o.asked and o.channel.has_ended()]:
                owner.channel.close()
                del self.owners[owner.name]
            return list(self.owners.values())

    def name(self, slot: int) -> str:
        """Of who has a place, whether it is connected or not."""
        with self.lock:
            return next((n for n, s in self.slots.items() if s == slot), str(slot))

    def round(
        self, words: Mapping[str, Any], slots: Sequence[int], weights: Sequence[Tensor]
    ) -> tuple[dict[int, Answer], dict[str, str]]:
        """Send a round to the owners of some places, and take their answers.

        Returns:
            Answers by place, and why anybody who was there is left out, by name.
        """
        asked = [o for o in self.present() if o.slot in set(slots)]
        tensors = dict(zip(self.like, weights, strict=True))
        answers: dict[int, Answer] = {}
        left: dict[str, str] = {}
        with ThreadPoolExecutor(max(1, len(asked))) as pool:
            for owner, found in zip(asked, pool.map(lambda o: self._ask(o, words, tensors), asked), strict=True):
                if isinstance(found, Answer):
                    answers[owner.slot] = found
                else:
                    left[owner.name] = found
                    self.say(f"Round {words['round']}: {owner.name} is left out: {found}.")
        return answers, left

    def close(self, words: Mapping[str, Any]) -> None:
        """Tell all owners that it is over, and listen no longer; safe to call again."""
        self.closed = True
        self.listener.close()
        for owner in self.present():
            with suppress(ChannelError):
                owner.channel.send(words, within=GREETING_S)
            self._drop(owner)

    def _ask(self, owner: Owner, words: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Answer | str:
        channel, before = owner.channel, owner.channel.bytes_received
        owner.asked = True
        try:
            channel.send(words, tensors, within=self.answer_s)
            told, parts = channel.receive(within=self.answer_s, largest=self.largest)
        except ChannelError as error:  # what comes later would be the answer to another question
            self._drop(owner)
            return str(error)
        finally:
            owner.asked = False
        try:
            if told.get("round") != words["round"]:
                raise ChannelError(f"it has answered round {told.get('round')!r:.20}")
            updates = taken_parts(parts, self.like, self.sent_as)
            loss = finite(told.get("loss"), "its loss")
        except ChannelError as error:
            with suppress(ChannelError):
                channel.send({"left_out": str(error)}, within=GREETING_S)
            return str(error)
        return Answer(updates, owner.examples, loss, channel.bytes_received - before)

    def _listen(self) -> None:
        while not self.closed:
            try:
                connection, address = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:  # closed
                return
            if not self.strangers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._welcome, args=(connection, address), daemon=True).start()

    def _welcome(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            connection.settimeout(GREETING_S)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            channel = admit(connection, self.secret, within=GREETING_S)
        except (ChannelError, OSError) as error:
            self.say(f"Refused {address[0]}: {error}.")
            connection.close()
            return
        finally:
            self.strangers.release()
        try:
            self._join(channel)
        except ChannelError as error:
            self.say(f"Not joined, {address[0]}: {error}.")
            channel.close()

    def _join(self, channel: Channel) -> None:
        words, _ = channel.receive(within=GREETING_S)
        name = str(words.get("name"))[:NAME_CHARACTERS]
        if not name.isprintable():
            raise ChannelError("its name has characters that cannot be printed")
        channel.send({**self.told, "shapes": shapes_of(self.like)}, within=GREETING_S)
        ready, _ = channel.receive(within=READY_S)
        if "refused" in ready:
            raise ChannelError(f"{name} refuses: {str(ready['refused'])[:200]}")
        examples = finite(ready.get("examples"), "its count of examples")
        if not 0 < examples < MOST_EXAMPLES:
            raise ChannelError(f"{name} has {examples:g} examples")
        if ready.get("frozen") != self.told.get("frozen"):
            self._turn_away(channel, f"{name} has other frozen weights; it needs the same model")
        self.present()
        with self.lock:
            if name in self.owners:
                reason = f"somebody called {name} is there already; choose another name with --name"
            elif name not in self.slots and len(self.slots) >= self.places:
                reason = f"all strategy.clients={self.places} places are taken"
            else:
                reason = ""
                slot = self.slots.setdefault(name, len(self.slots))
                self.owners[name] = Owner(name, slot, channel, examples)
        if reason:
            self._turn_away(channel, reason)
        self.say(f"{name} has joined with {examples:g} examples ({len(self.present())} of {self.places} are there).")

    @staticmethod
    def _turn_away(channel: Channel, reason: str) -> None:
        with suppress(ChannelError):
            channel.send({"refused": reason}, within=GREETING_S)
        raise ChannelError(reason)

    def _drop(self, owner: Owner) -> None:
        owner.channel.close()
        with self.lock:
            if self.owners.get(owner.name) is owner:
                del self.owners[owner.name]
