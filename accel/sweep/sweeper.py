"""The work behind ``hydra/sweeper=accel``: a grid, or a search that proposes the jobs one by one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from accel.errors import ConfigError
from accel.sweep.grid import expand


def require_optuna() -> None:
    """A search needs it, a grid does not.

    Raises:
        ConfigError: it is not installed.
    """
    if find_spec("optuna") is None:
        raise ConfigError("A search needs Optuna, which is not installed: pip install 'accel[search]'.")


class AnySweeper:
    """A grid over what was typed and what a named one adds; with ``search`` set, a search over the same words.

    Args:
        config: ``hydra.sweeper``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)

    def setup(self, hydra_context: Any, task_function: Any, config: Any) -> None:
        """What Hydra hands to a sweeper."""
        from hydra.core.plugins import Plugins

        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job, through the launcher."""
        if self.config["search"] is None:
            return self.launcher.launch(expand(arguments, self.config["params"]), initial_job_idx=0)
        return self._search(arguments)

    def _search(self, arguments: list[str]) -> None:
        require_optuna()
        from accel.sweep.search import Search, Settings

        source = Search(arguments, Settings(**self.config))
        run = getattr(self.launcher, "run", None)
        if run is None:
            raise ConfigError(
                "A search proposes its jobs one by one, which hydra/launcher=accel alone can run. Leave hydra/launcher "
                "out, or run a grid."
            )
        run(source)
