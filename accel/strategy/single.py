"""One process on one device.

What it does: trains here, on the GPU if there is one, else on the CPU's cores.
Use it when: the model fits and the time is fine; the default.
What it costs: nothing.
Composes with: everything.
Off switch: choose another strategy.
Reference: ``SingleDeviceStrategy`` of Lightning.

    accel strategy=single
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accel.core.strategy import Strategy


@dataclass(kw_only=True)
class Single(Strategy):
    """No distribution."""

    def trainer_args(self, args: dict[str, Any]) -> dict[str, Any]:
        from accel.process.lightning import one_process

        plugins = [*args.get("plugins", []), one_process()]
        return {**args, "devices": 1, "accelerator": "auto", "plugins": plugins}
