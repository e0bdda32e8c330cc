"""The work behind ``hydra/sweeper=accel``: expands the grid and hands all of it to the launcher at once."""

from __future__ import annotations

from typing import Any

from accel.sweep.grid import expand


class GridSweeper:
    """A grid over what was typed and what a named search adds.

    Args:
        params: key -> values as typed on a command line (``choice(...)`` and ``range(...)`` work).
    """

    def __init__(self, params: Any) -> None:
        self.params = dict(params or {})

    def setup(self, hydra_context: Any, task_function: Any, config: Any) -> None:
        """What Hydra hands to a sweeper."""
        from hydra.core.plugins import Plugins

        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Launch every job of the grid."""
        return self.launcher.launch(expand(arguments, self.params), initial_job_idx=0)
