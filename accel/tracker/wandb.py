"""Weights & Biases: every run offline by default, online on request.

What it does: one W&B run per run, grouped by sweep, tagged with the choices, with the configuration for filtering,
    curves by step, the record's figures as summary, a before/after table, the confusion matrix, the figures and the
    flips of each class, the report page, and the log as W&B's own page of logs.
Use it when: you compare runs in a W&B dashboard, now or later (``wandb sync``).
What it costs: nothing that shows; about 0.4 s at the start.
Composes with: everything; only rank 0 logs.
Off switch: ``tracker=none``, or ``tracker.mode=disabled``.
Reference: https://docs.wandb.ai; the key comes from WANDB_API_KEY or ``wandb login``, never from the configuration.

    accel tracker=wandb tracker.mode=online tracker.project=support-bot
"""

from __future__ import annotations

import netrc
import os
import shlex
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import ParseResult, urlparse

from accel.core.console import LOG
from accel.core.option import Objection
from accel.core.tracker import RunInfo, Tracker
from accel.errors import RefusedError
from accel.report.summary import confusion, flips, per_class, summary, table

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from accel.core.plan import Plan

NOT_IN_A_PROJECT = "/\\#?%:"
LONGEST = 128
"""Characters of a name."""
CONNECT_TIMEOUT_S = 5
INIT_TIMEOUT_S = 20
FLUSH_S = 2.0
"""W&B's own 15 s lose the end of a run that is killed."""


class Mode(Enum):
    """Where the run goes."""

    offline = "offline"
    online = "online"
    disabled = "disabled"


@dataclass(kw_only=True)
class Wandb(Tracker):
    """A Weights & Biases run."""

    mode: Mode = Mode.offline
    """offline writes into the run's folder; ``wandb sync`` sends it later."""
    project: str = "accel"
    entity: str | None = None
    """Your user or team; W&B's default when null."""
    log_model: bool = False
    """Upload the exported model as an artifact."""

    def objections(self, plan: Plan) -> Iterator[Objection]:
        """W&B itself would refuse these after the data was read and a baseline trained."""
        wrong = sorted(set(NOT_IN_A_PROJECT) & set(self.project))
        if wrong or not 1 <= len(self.project) <= LONGEST:
            yield self.out_of_range("project", f"1 to {LONGEST} characters, none of {NOT_IN_A_PROJECT}", "accel")
        for key, name in (("name", plan.name), ("group", plan.group)):
            if len(name) > LONGEST:
                what = f"{key}={name[:20]}… with tracker={self.option_name()}"
                yield Objection(
                    what, f"W&B takes {LONGEST} characters, and it has {len(name)}", f"{key}=a-shorter-name"
                )

    def told(self, folder: Path) -> str:
        where = f"{self.entity}/{self.project}" if self.entity else self.project
        files = folder / "wandb"
        sync = f"wandb sync {shlex.quote(f'{files}/')}offline-run-*"
        said = {
            Mode.offline: f"W&B is on, offline: {files}. To send it: {sync}",
            Mode.online: f"W&B is on, online: project {where}. Its files are in {files}.",
        }
        return said.get(self.mode, "")

    def check(self) -> None:
        if self.mode is Mode.online:
            _require_key()
            _require_network()

    def start(self, info: RunInfo) -> list[Logger]:
        from accel.tracker._wandb import wandb_logger

        for variable in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR"):
            os.environ.setdefault(variable, str(info.folder / "wandb"))
        logger = wandb_logger(
            info,
            project=self.project,
            entity=self.entity,
            mode=self.mode.value,
            flush_s=FLUSH_S,
            init_timeout_s=INIT_TIMEOUT_S,
        )
        return [logger]

    def finish(self, record: Mapping[str, Any], folder: Path, exit_code: int) -> None:
        from accel.tracker._wandb import finish_wandb

        model = folder / "model" if self.log_model else None
        tables = {"before_after": table(record), "per_class": per_class(record), "flips": flips(record)}
        page, log = folder / "report.html", folder / LOG
        finish_wandb(summary(record), tables, confusion(record), page, log, model, exit_code)


def _require_key() -> None:
    if not (os.environ.get("WANDB_API_KEY") or _key_in_netrc()):
        raise RefusedError(
            "tracker.mode=online: there is no W&B key. Set WANDB_API_KEY or run 'wandb login', or use "
            "tracker.mode=offline and send the run later with 'wandb sync'."
        )


def _key_in_netrc() -> bool:
    """Where ``wandb login`` keeps the key."""
    try:
        return netrc.netrc().authenticators(_server().hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _server() -> ParseResult:
    """W&B's own, or the one that WANDB_BASE_URL or ``wandb login --host`` names."""
    from accel.tracker._wandb import wandb_server

    return urlparse(wandb_server())


def _require_network() -> None:
    url = _server()
    address = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise RefusedError(
            f"tracker.mode=online: {url.hostname} does not answer ({error}). Connect to the network, or use "
            f"tracker.mode=offline and send the run later with 'wandb sync'."
        ) from None
