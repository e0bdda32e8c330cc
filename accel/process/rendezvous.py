"""How the processes of a run meet, wait for each other and end together, beside the process group that trains.

They talk through torch's key-value store, which lives in rank 0 (under torchrun: in its agent). It exists before the
process group, so they can agree on a folder; and it bears long waits, which a collective's time-out would end: while
rank 0 trains the dense baseline, exports or measures, the others wait for as long as its heart beats.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from torch.distributed import DistError
from torch.distributed.rendezvous import rendezvous

from accel.errors import DiskError, ExitCode, LostError, RunError
from accel.process.rank_info import RankInfo, interface_towards
from accel.process.ranks import Elsewhere

T = TypeVar("T")

POLL_S = 0.1
LEAVE_S = 10
"""Rank 0 does not wait longer than this for the others to hear how the run ended."""
REST_S = 2
"""Nor for its own heart, which may be waiting for a machine that is cut off."""
LAST_WORD_S = 5
"""Whoever ends asks so long what the others said before, and tells them so long: they may be cut off."""
CHUNK_BYTES = 4 << 20
FAILED, ENDED = "accel/failed", "accel/ended"


def meet(place: RankInfo, address: str, port: int, timeout_s: int) -> Together:
    """Join the other processes; waits for all of them.

    Raises:
        RunError: they did not all come within ``timeout_s``.
    """
    os.environ.update(place.variables(address, port))
    interface = interface_towards(address, port)
    if interface is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    try:
        store, _, _ = next(rendezvous("env://", place.rank, place.world_size, timeout=timedelta(seconds=timeout_s)))
    except (DistError, RuntimeError) as error:
        raise RunError(
            f"The {place.world_size} processes of this run did not meet at {address}:{port} within "
            f"strategy.timeout_s={timeout_s} s ({_first_line(error)}). Is each of the machines running the same "
            f"command, and is the port open there?"
        ) from error
    return Together(place, store, timeout_s)


class Together:
    """One of several processes of a run.

    Args:
        store: torch's key-value store.
        timeout_s: a process that has not been heard for so long is lost.
    """

    def __init__(self, place: RankInfo, store: Any, timeout_s: float) -> None:
        self.place = place
        self.store = store
        self.timeout_s = timeout_s
        self._others = [rank for rank in range(place.world_size) if rank != place.rank]
        self._lost: str | None = None
        """Why the store cannot be asked any more."""
        self._left = threading.Event()
        self._heart = threading.Thread(target=self._beat, args=(store.clone(),), daemon=True)
        self._heart.start()

    def _beat(self, store: Any) -> None:
        with suppress(DistError, RuntimeError):  # the store has gone, and the run with it
            while not self._left.is_set():
                store.add(f"accel/beat/{self.place.rank}", 1)
                self._left.wait(min(2.0, self.timeout_s / 4))

    def _rest(self) -> None:
        """A thread that comes back from torch while Python ends aborts the process (before Python 3.14)."""
        self._left.set()
        self._heart.join(REST_S)

    def agree(self, name: str, value: str) -> str:
        """Rank 0's value, on all."""
        key = f"accel/agreed/{name}"
        if self.place.leads:
            self.store.set(key, value)
            return value
        self._wait(key, watch=0)
        return self._ask(self.store.get, key).decode()

    def least(self, name: str, value: float) -> float:
        """The smallest value of all machines, on all; the first process of each machine says its own."""
        if self.place.leads_node:
            self.store.set(f"accel/least {name}/{self.place.node_rank}", repr(value))
        return min(float(self._answer_of(node, f"least {name}")) for node in range(self._num_nodes()))

    @contextmanager
    def after_leader(self, step: str) -> Iterator[None]:
        """The first process of each machine goes first, the others find what it made."""
        key = f"accel/{step}/{self.place.node_rank}"
        if self.place.leads_node:
            yield
            self._ask(self.store.set, key, "1")
        else:
            self._wait(key, watch=self.place.rank - self.place.local_rank)
            yield

    def gather(self) -> None:
        """Go on when all have come, however long one of them is at work."""
        self.store.set(f"accel/here/{self.place.rank}", "1")
        for rank in self._others:
            self._wait(f"accel/here/{rank}", watch=rank)

    def share(self, folder: Path) -> None:
        """Go on if every machine sees rank 0's folder.

        Raises:
            DiskError: on all of them; one has a disk of its own there.
        """
        nodes = self.agree("blind", self._blind(folder))
        if nodes:
            raise DiskError(
                f"Every process of this strategy saves its part of the checkpoint into {folder}, which the machine "
                f"with strategy.node_rank={nodes} has on a disk of its own. Give a folder that all machines share, "
                f"hydra.run.dir=FOLDER; or use strategy=ddp, where rank 0 saves everything."
            )

    def _blind(self, folder: Path) -> str:
        """Machines that do not see what rank 0 writes; known to rank 0."""
        if self.place.leads:
            probe = folder / f".seen-{os.getpid()}-{time.time_ns()}"  # a name that no network disk knows as missing
            probe.touch()
            self.agree("probe", str(probe))
            blind = [node for node in range(1, self._num_nodes()) if self._answer_of(node, "sees") == b"0"]
            probe.unlink()
            return ",".join(map(str, blind))
        if self.place.leads_node:
            seen = Path(self.agree("probe", "")).exists()
            self.store.set(f"accel/sees/{self.place.node_rank}", "1" if seen else "0")
        return ""

    def deliver(self, path: Path) -> None:
        """Rank 0's file, or folder of files, on every machine; sent only where no equal one is.

        Machines with a disk of their own need it: they have no checkpoint, or an older one.
        """
        if self._num_nodes() == 1:
            return
        with self.after_leader(f"delivered {path.name}"):
            if not self.place.leads_node:
                return
            names = sorted(file.name for file in path.iterdir()) if path.is_dir() else [""]  # PATH / "" is PATH
            for name in self.agree("delivered", "\n".join(names)).split("\n"):
                self._deliver(path / name, name)

    def _deliver(self, file: Path, name: str) -> None:
        if self.place.leads:
            self.agree(f"digest {name}", _digest(file))
            self._send(file, name)
        else:
            self._receive(file, name, self.agree(f"digest {name}", ""))

    def _send(self, file: Path, name: str) -> None:
        missing = [node for node in range(1, self._num_nodes()) if self._answer_of(node, f"has {name}") == b"0"]
        if not missing:
            return
        number = -1
        with file.open("rb") as stream:
            for number, chunk in enumerate(iter(lambda: stream.read(CHUNK_BYTES), b"")):
                self.store.set(f"accel/chunk {name}/{number}", chunk)
                for node in missing:
                    self._answer_of(node, f"got {name} {number}")
                self.store.delete_key(f"accel/chunk {name}/{number}")
        self.store.set(f"accel/chunks {name}", str(number + 1))

    def _num_nodes(self) -> int:
        return self.place.world_size // self.place.local_size

    def _answer_of(self, node: int, question: str) -> bytes:
        key = f"accel/{question}/{node}"
        self._wait(key, watch=node * self.place.local_size)
        return self._ask(self.store.get, key)

    def _receive(self, file: Path, name: str, digest: str) -> None:
        node, has_it = self.place.node_rank, _digest(file) == digest
        self.store.set(f"accel/has {name}/{node}", "1" if has_it else "0")
        if has_it:
            return
        _make_room(file)
        temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as stream:
            for number in range(1 << 40):
                chunk, end = f"accel/chunk {name}/{number}", f"accel/chunks {name}"
                if self._wait(chunk, end, watch=0) == end:
                    break
                stream.write(self._ask(self.store.get, chunk))
                self.store.set(f"accel/got {name} {number}/{node}", "1")
        temporary.replace(file)
        assert _digest(file) == digest, f"{file} was damaged on its way"

    def failed(self, message: str) -> None:
        """Say why this process will not come to the end; the first one to say so is heard."""
        with suppress(LostError):
            self._ask(self.store.compare_set, FAILED, "", f"Rank {self.place.rank}: {message}", limit_s=LAST_WORD_S)

    def first_failure(self) -> str | None:
        """What another process said before it failed; None where nobody said anything."""
        with suppress(LostError):
            if self._ask(self.store.check, [FAILED], limit_s=LAST_WORD_S):
                said = self._ask(self.store.get, FAILED, limit_s=LAST_WORD_S).decode()
                return None if said.startswith(f"Rank {self.place.rank}:") else said
        return None

    def leave(self, code: ExitCode, *, together: bool) -> ExitCode:
        """End as rank 0 does, once it has finished; who ends for a reason of its own goes at once."""
        with suppress(LostError, Elsewhere):
            if self.place.leads:
                self._ask(self.store.set, ENDED, str(int(code)))
                self._let_go(time.monotonic() + (LEAVE_S if together else 0))
            elif together:
                self._wait(ENDED, watch=0)
                code = ExitCode(int(self._ask(self.store.get, ENDED)))
                self._ask(self.store.set, f"accel/left/{self.place.rank}", "1")
        self._rest()
        return code

    def _let_go(self, deadline: float) -> None:
        """Keep the store alive until the others have heard."""
        keys = [f"accel/left/{rank}" for rank in self._others]
        while time.monotonic() < deadline and not self._ask(self.store.check, keys):
            time.sleep(POLL_S)

    def _wait(self, *keys: str, watch: int) -> str:
        """The first of the keys that is set, for as long as the heart of the rank that is to set it beats.

        Raises:
            Elsewhere: the run was ended by rank 0.
            LostError: a process failed, or has not been heard for too long.
        """
        beats, heard, pause = b"", time.monotonic(), POLL_S / 10
        while True:
            ended = self._ask(self.store.check, [ENDED])  # before the keys, which rank 0 may have set just before it
            for key in keys:
                if self._ask(self.store.check, [key]):
                    return key
            if ended:
                raise Elsewhere(int(self._ask(self.store.get, ENDED)))
            failure = self.first_failure()
            if failure is not None:
                raise LostError(failure)
            now = self._beats_of(watch)
            if now != beats:
                beats, heard = now, time.monotonic()
            if time.monotonic() - heard > self.timeout_s:
                raise LostError(f"Rank {watch} has not answered for strategy.timeout_s={self.timeout_s} s.")
            time.sleep(pause)
            pause = min(2 * pause, POLL_S * 5)

    def _beats_of(self, rank: int) -> bytes:
        key = f"accel/beat/{rank}"
        return self._ask(self.store.get, key) if self._ask(self.store.check, [key]) else b""

    def _ask(self, question: Callable[..., T], *args: Any, limit_s: float | None = None) -> T:
        """A word with the store, which itself would wait for a cut-off machine for a quarter of an hour.

        Args:
            limit_s: how long an answer is worth waiting for; ``timeout_s`` when absent, and then the store is lost.

        Raises:
            LostError: no answer.
        """
        if self._lost is None:
            answers: list[T] = []
            errors: list[Exception] = []

            def ask() -> None:
                try:
                    answers.append(question(*args))
                except Exception as error:
                    errors.append(error)

            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            thread.join(min(self.timeout_s, limit_s or self.timeout_s))
            if answers:
                return answers[0]
            if limit_s is not None and not errors:
                raise LostError(f"The processes of this run lost each other: no answer within {limit_s:g} s.")
            self._lost = _first_line(errors[0]) if errors else f"no answer within strategy.timeout_s={self.timeout_s} s"
        raise LostError(f"The processes of this run lost each other: {self._lost}.")


def _make_room(file: Path) -> None:
    """For a file where a folder may be, in a folder where a file may be: an older checkpoint of the other kind."""
    if file.is_dir():
        shutil.rmtree(file)
    if file.parent.is_file():
        file.parent.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)


def _digest(file: Path) -> str:
    """Of a file's bytes; empty where there is none."""
    if not file.is_file():
        return ""
    sum_ = blake2b(digest_size=16)
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            sum_.update(chunk)
    return sum_.hexdigest()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
