"""``accel -m`` and ``accel check -m``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from accel.config.build import refuse_foreign_code
from accel.config.compose import compose, conf_dir, prepare_hydra, search_path
from accel.config.overrides import quoted
from accel.core.extras import needs
from accel.core.plan import Plan
from accel.data import Dataset
from accel.errors import ConfigError, ExitCode, RefusedError, RunError
from accel.plan.decide import decide
from accel.plan.inputs import load, look
from accel.report.record import SWEEP
from accel.sweep.grid import expand
from accel.sweep.progress import say
from accel.sweep.record import Sweep
from accel.sweep.winner import winner_lines

SWEEP_KEYS = ("hydra.", "hydra/", "sweep=", "sweep.")
"""Words that choose how a sweep runs, not what a job is."""


def run_sweep(overrides: Sequence[str], config_dirs: Sequence[str], plugins: Sequence[str]) -> int:
    """Let the chosen Hydra sweeper and launcher run every job; accel's own by default.

    Returns:
        4 when a job failed, 2 when none could run, else 0.
    """
    del plugins  # each job imports them itself, from the same command line
    settings, jobs = sort_words(overrides)
    settings, folder = _folder(settings, config_dirs)
    run_hydra([*settings, f"hydra.sweep.dir={quoted(str(folder))}"], jobs, config_dirs)
    sweep = Sweep.of(folder)
    say(f"\nSweep: {folder / SWEEP}\nCompare: accel compare {shlex.quote(str(folder))}")
    for line in winner_lines(sweep, compose(settings, config_dirs).hydra.sweeper):
        say(line)
    return sweep.exit_code()


def sort_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(what chooses how the sweep runs, what its jobs are)."""
    settings = [w for w in words if w.startswith(SWEEP_KEYS)]
    return settings, [w for w in words if w not in settings]


def check_sweep(
    overrides: Sequence[str], config_dirs: Sequence[str], plugins: Sequence[str], *, config_only: bool = False
) -> int:
    """Print what each job of the sweep would be, or why it is refused; 2 when none could run.

    Args:
        config_only: whether files, packages and devices are left alone.
    """
    settings, words = sort_words(overrides)
    hydra = compose(settings, config_dirs).hydra
    jobs = planned_jobs(hydra.sweeper, words, config_dirs, plugins)
    look = None if config_only else Looks(here=hydra.runtime.choices["hydra/launcher"] == "accel")
    refused = 0
    for number, job in enumerate(jobs):
        text = " ".join(job) or "(defaults)"
        try:
            plan = decide(compose(job, config_dirs), plugins)
            if look is not None:
                look(plan)
            say(f"#{number} works    {text}")
        except RefusedError as error:
            refused += 1
            say(f"#{number} refused  {text}\n    " + str(error).replace("\n", "\n    "))
    say(f"{len(jobs)} jobs: {len(jobs) - refused} work, {refused} refused. Nothing was started.")
    return ExitCode.REFUSED if refused == len(jobs) else ExitCode.DONE


class Looks:
    """Looks at what each job of a sweep needs; what several have in common is read once.

    Args:
        here: whether the jobs run on this machine.
    """

    def __init__(self, *, here: bool) -> None:
        self.here = here
        self.data: dict[str, Dataset] = {}

    def __call__(self, plan: Plan) -> None:
        """Raises:
        RefusedError: as ``look`` does.
        """
        look(plan, self._load, here=self.here)

    def _load(self, plan: Plan) -> Dataset:
        name = f"{plan.task!r} {plan.seed}"
        if name not in self.data:
            self.data = {name: load(plan)}  # one at a time: a sweep's jobs mostly have one
        return self.data[name]


def planned_jobs(
    sweeper: DictConfig, words: Sequence[str], config_dirs: Sequence[str] = (), plugins: Sequence[str] = ()
) -> list[list[str]]:
    """All jobs of a grid; of a search, some that it may propose."""
    config = {str(key): value for key, value in sweeper.items() if key != "_target_"}
    if config["search"] is None:
        return expand(words, config["params"])
    needs("optuna", "search", "a search")
    from accel.sweep.search import Settings, sampled

    say(f"A search by {config['search']} over {config['n_trials']} trials; as many points at random:")
    return sampled(words, Settings(**config), config_dirs, plugins)


def _folder(words: list[str], config_dirs: Sequence[str]) -> tuple[list[str], Path]:
    """The sweep's folder, and the words without what named it: one place, whatever the clock says later."""
    settings = compose(words, config_dirs)
    if settings.sweep.resume is not None:
        folder = Path(str(settings.sweep.resume)).expanduser().absolute()
        if not (folder / SWEEP).is_file():
            raise ConfigError(f"sweep.resume={settings.sweep.resume} is no folder of a sweep (it has no {SWEEP}).")
    else:
        folder = _fresh(Path(str(settings.hydra.sweep.dir)).expanduser().absolute())
    return [w for w in words if not w.startswith(("hydra.sweep.dir=", "sweep.resume="))], folder


def _fresh(folder: Path) -> Path:
    number = 0
    wanted = folder
    while folder.exists() and any(folder.iterdir()):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def run_hydra(settings: Sequence[str], jobs: Sequence[str], config_dirs: Sequence[str]) -> None:
    """What ``Hydra.multirun`` does, with one difference: only the sweep's settings are composed here.

    The jobs' words are composed job by job, so a key that belongs to some jobs only does not stop the sweep.
    """
    from hydra._internal.callbacks import Callbacks
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext, RunMode

    prepare_hydra(settings)
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("accel", create_config_search_path(str(conf_dir())))
    try:
        config = hydra.compose_config("config", [*settings, *search_path(config_dirs)], run_mode=RunMode.MULTIRUN)
        refuse_foreign_code(config)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        sweeper = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=_never)
        sweeper.sweep(arguments=list(jobs))
    finally:
        GlobalHydra.instance().clear()


def _never(config: object) -> None:
    """Jobs are processes; a launcher that runs them here would share one process among them."""
    raise RunError(f"accel's jobs run in processes of their own: choose a launcher that starts them ({config!r:.80}).")
