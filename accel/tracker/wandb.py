"""Weights & Biases: every run offline by default, online on request.

What it does: one W&B run per run, grouped by sweep, tagged with the choices, with the configuration for filtering,
    curves by step, the record's figures as summary, a before/after table, and the report page.
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
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import ParseResult, urlparse

from accel.core.tracker import RunInfo, Tracker
from accel.errors import RefusedError
from accel.report.summary import summary, table

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

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
        finish_wandb(summary(record), table(record), folder / "report.html", model, exit_code)


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
