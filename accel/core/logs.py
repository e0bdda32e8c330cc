"""Keeping other people's chatter out of the user's terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

NOISY_LOGGERS = ("torchao", "torch.utils._pytree", "pytorch_lightning", "lightning.pytorch", "lightning_fabric")


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import a package without its remarks on optional kernels and deprecations."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def quiet_third_parties() -> None:
    """For the process of a run: only errors of the noisy libraries reach the terminal."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    for pattern in (".*does not have many workers.*", ".*tensorboardX.*", ".*`isinstance\\(treespec.*", ".*pynvml.*"):
        warnings.filterwarnings("ignore", message=pattern)
