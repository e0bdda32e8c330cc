"""Authenticated frames between an aggregator and an owner; what is read is bounded before it is read.

Both sides prove that they know a shared secret, by an HMAC over fresh numbers of both (challenge and response; the role
is part of it, so that an answer cannot be turned round). Keys of the session, one for each direction, follow from the
secret and those numbers. A frame carries a MAC of its length, checked before anything is allocated, and one of its
content; both cover the number of the frame, so that a frame which is replayed, reordered or of another session is
refused. Content is JSON and safetensors, which hold no code. Nothing is encrypted here: that is what TLS is for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import secrets
import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from accel.errors import RunError

HEADER = struct.Struct(">BQ")
"""Kind and length of a frame."""
MAC_BYTES, NONCE_BYTES = 32, 32
GREETING = struct.Struct(">I")
LARGEST_GREETING = 1024
"""Bytes of what is read of somebody who has proven nothing yet."""
LARGEST_WORDS = 1 << 20
"""Bytes of a JSON frame."""
WORDS, TENSORS = 1, 2
AGGREGATOR, OWNER = b"aggregator", b"owner"
PROTOCOL = 1


class ChannelError(RunError):
    """The other side is gone, too slow, or has sent what is not allowed."""


class Deadline:
    """A moment until which something has to be done, however many reads it takes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds.

        Raises:
            ChannelError: it is over.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise ChannelError(f"no answer within {self.seconds:g} s")
        return left


class Channel:
    """One side of a session.

    Args:
        sending: key of the frames that this side sends.
        receiving: key of those that it gets.
    """

    def __init__(self, connection: socket.socket, sending: bytes, receiving: bytes) -> None:
        self.connection = connection
        self.sending, self.receiving = sending, receiving
        self.sent = self.received = 0
        """Numbers of the next frames."""
        self.bytes_sent = self.bytes_received = 0

    def send(self, words: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None, *, within: float) -> None:
        """Say something; tensors follow in a frame of their own.

        Raises:
            ChannelError: it cannot be sent in time.
        """
        deadline = Deadline(within)
        self._send(WORDS, json.dumps({**words, "tensors": tensors is not None}).encode(), deadline)
        if tensors is not None:
            self._send(TENSORS, save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}), deadline)

    def receive(self, *, within: float, largest: int = 0) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What the other side says.

        Args:
            largest: bytes of tensors that may come; 0 for none.

        Raises:
            ChannelError: it is gone, late, or has sent what is not allowed.
        """
        deadline = Deadline(within)
        words = _words(self._receive(WORDS, LARGEST_WORDS, deadline))
        if not words.get("tensors"):
            return words, {}
        return words, _tensors(self._receive(TENSORS, largest, deadline))

    def has_ended(self) -> bool:
        """Whether the other side, which has nothing to say now, has closed the connection or talks all the same."""
        try:
            return bool(select.select([self.connection], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """End the session; safe to call again."""
        self.connection.close()

    def _send(self, kind: int, content: bytes, deadline: Deadline) -> None:
        header = HEADER.pack(kind, len(content))
        first, second = _mac(self.sending, self.sent, header), _mac(self.sending, self.sent, header, content)
        _write(self.connection, header + first, deadline)
        _write(self.connection, content, deadline)
        _write(self.connection, second, deadline)
        self.sent += 1
        self.bytes_sent += HEADER.size + 2 * MAC_BYTES + len(content)

    def _receive(self, expected: int, largest: int, deadline: Deadline) -> bytes:
        header = _read(self.connection, HEADER.size, deadline)
        _check(_read(self.connection, MAC_BYTES, deadline), _mac(self.receiving, self.received, header))
        kind, length = HEADER.unpack(header)
        if kind != expected:
            raise ChannelError(f"a frame of kind {kind} came where one of kind {expected} was due")
        if length > largest:
            raise ChannelError(f"a frame of {length} bytes came where at most {largest} are allowed")
        content = _read(self.connection, length, deadline)
        _check(_read(self.connection, MAC_BYTES, deadline), _mac(self.receiving, self.received, header, content))
        self.received += 1
        self.bytes_received += HEADER.size + 2 * MAC_BYTES + length
        return content


def admit(connection: socket.socket, secret: bytes, *, within: float) -> Channel:
    """The aggregator's side of the greeting.

    Raises:
        ChannelError: the other side does not know the secret.
    """
    deadline, mine = Deadline(within), secrets.token_bytes(NONCE_BYTES)
    _greet(connection, {"accel": PROTOCOL, "nonce": mine.hex()}, deadline)
    answer = _greeting(connection, deadline)
    theirs = _bytes_of(answer, "nonce")
    if not hmac.compare_digest(_bytes_of(answer, "proof"), _proof(secret, OWNER, mine, theirs)):
        _greet(connection, {"refused": "the secret is another one"}, deadline)
        raise ChannelError("it does not know the secret")
    _greet(connection, {"proof": _proof(secret, AGGREGATOR, mine, theirs).hex()}, deadline)
    return Channel(connection, _key(secret, AGGREGATOR, mine, theirs), _key(secret, OWNER, mine, theirs))


def call(connection: socket.socket, secret: bytes, *, within: float) -> Channel:
    """The owner's side.

    Raises:
        ChannelError: the other side does not know the secret, or is no aggregator of this version.
    """
    deadline, mine = Deadline(within), secrets.token_bytes(NONCE_BYTES)
    greeting = _greeting(connection, deadline)
    if greeting.get("accel") != PROTOCOL:
        raise ChannelError("it is no aggregator of this version of accel")
    theirs = _bytes_of(greeting, "nonce")
    _greet(connection, {"nonce": mine.hex(), "proof": _proof(secret, OWNER, theirs, mine).hex()}, deadline)
    answer = _greeting(connection, deadline)
    if "refused" in answer:
        raise ChannelError("the aggregator refuses: the secret is another one there")
    if not hmac.compare_digest(_bytes_of(answer, "proof"), _proof(secret, AGGREGATOR, theirs, mine)):
        raise ChannelError("it does not know the secret, so it is not the aggregator that was meant")
    return Channel(connection, _key(secret, OWNER, theirs, mine), _key(secret, AGGREGATOR, theirs, mine))


def _proof(secret: bytes, role: bytes, aggregators: bytes, owners: bytes) -> bytes:
    return _hmac(secret, b"proof " + role, aggregators, owners)


def _key(secret: bytes, sender: bytes, aggregators: bytes, owners: bytes) -> bytes:
    return _hmac(secret, b"frames of " + sender, aggregators, owners)


def _hmac(key: bytes, *parts: bytes) -> bytes:
    whole = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:  # with their lengths, so that no two lists of parts are the same bytes
        whole.update(struct.pack(">Q", len(part)))
        whole.update(part)
    return whole.digest()


def _mac(key: bytes, number: int, *parts: bytes) -> bytes:
    return _hmac(key, struct.pack(">Q", number), *parts)


def _check(found: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(found, expected):
        raise ChannelError("a frame is forged, replayed or damaged")


def _greet(connection: socket.socket, words: Mapping[str, Any], deadline: Deadline) -> None:
    content = json.dumps(words).encode()
    _write(connection, GREETING.pack(len(content)) + content, deadline)


def _greeting(connection: socket.socket, deadline: Deadline) -> dict[str, Any]:
    (length,) = GREETING.unpack(_read(connection, GREETING.size, deadline))
    if length > LARGEST_GREETING:
        raise ChannelError(f"a greeting of {length} bytes came where at most {LARGEST_GREETING} are allowed")
    return _words(_read(connection, length, deadline))


def _bytes_of(words: Mapping[str, Any], name: str) -> bytes:
    try:
        found = bytes.fromhex(words[name])
    except (KeyError, TypeError, ValueError):
        raise ChannelError(f"the greeting has no {name}") from None
    if len(found) != NONCE_BYTES:
        raise ChannelError(f"the {name} of the greeting has not {NONCE_BYTES} bytes")
    return found


def _words(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise ChannelError("what came is no JSON") from None
    if not isinstance(found, dict):
        raise ChannelError("what came is no JSON object")
    return found


def _tensors(content: bytes) -> dict[str, Tensor]:
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ChannelError(f"what came are no safetensors ({str(error)[:80]})") from None


def _read(connection: socket.socket, length: int, deadline: Deadline) -> bytes:
    content = bytearray(length)
    view, done = memoryview(content), 0
    while done < length:
        try:
            connection.settimeout(deadline.left())
            count = connection.recv_into(view[done:])
        except TimeoutError:
            raise ChannelError(f"no answer within {deadline.seconds:g} s") from None
        except (OSError, ValueError) as error:
            raise ChannelError(f"the connection is lost ({error})") from None
        if count == 0:
            where = "in the middle of a frame" if done else "by the other side"
            raise ChannelError(f"the connection was closed {where}")
        done += count
    return bytes(content)


def _write(connection: socket.socket, content: bytes, deadline: Deadline) -> None:
    try:
        connection.settimeout(deadline.left())
        connection.sendall(content)
    except TimeoutError:
        raise ChannelError(f"nothing could be sent within {deadline.seconds:g} s") from None
    except (OSError, ValueError) as error:
        raise ChannelError(f"the connection is lost ({error})") from None


def finite(value: Any, name: str) -> float:
    """A number that came.

    Raises:
        ChannelError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ChannelError(f"{name} is {value!r:.40}, which is no number")
    return float(value)
