"""A search: Optuna proposes the jobs, one as each worker comes free, and learns from what became of them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from accel.errors import ConfigError, RefusedError, did_you_mean
from accel.report.money import PRICES, Prices
from accel.report.pareto import NAMED, Cost, Objective, goal
from accel.sweep.journal import JOURNAL, open_journal
from accel.sweep.record import ENDED_WELL, Job, Sweep
from accel.sweep.space import ABSENT, Space, key_of, space
from accel.sweep.stopping import RULES, STUDY, Stopping

if TYPE_CHECKING:
    from accel.sweep.source import Context

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True),
    "gp": lambda seed: GPSampler(seed=seed),
    "nsga2": lambda seed: NSGAIISampler(seed=seed),
    "qmc": lambda seed: QMCSampler(seed=seed, scramble=True),
    "random": lambda seed: RandomSampler(seed=seed),
}
TRIES_PER_TRIAL = 20
"""How often in a row a proposal may be refused, or known already, before the space counts as exhausted."""

LEAST_TO_FIND = 2
"""Trials: one is the run without a search."""
FOUND = "found"
"""Names, in a trial, the job that found its numbers."""
SAME_REFUSALS = 5
"""After so many for one reason, while no job could run, the reason lies in what all jobs have in common."""


@dataclass(frozen=True)
class Settings:
    """``hydra.sweeper`` of a search.

    Args:
        search: how points are proposed: tpe, gp, nsga2, qmc or random.
        n_trials: how many jobs the study has in all, those of earlier sessions included.
        objectives: what is wanted, as ``accel.report.pareto.goal`` knows it.
        stopping: asha or hyperband; one objective, which must be quality.
        eta: one of so many trials goes on to the next rung.
        seed: of the proposals.
        finds: settings of one more job at the beginning, whose numbers find themselves: trainer.learning_rate=null.
            The study is told what they came to.
        params: key -> values as typed on a command line.
        price_per_cpu_hour: with the other three, of the objective ``cost``; see ``accel.report.money.Prices``.
    """

    search: str
    n_trials: int = 20
    objectives: Sequence[str] = ("quality",)
    stopping: str | None = None
    eta: int = 3
    seed: int = 0
    finds: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    price_per_cpu_hour: float | None = None
    requests_per_month: float | None = None
    cost_per_error: float | None = None
    price_per_gb_month: float | None = None

    def check(self) -> None:
        """Refuse what does not exist or does not fit.

        Raises:
            ConfigError: names the key and the remedy.
        """
        for key, value, known in (
            ("search", self.search, SAMPLERS),
            ("stopping", self.stopping, RULES),
            *(("objectives", name, NAMED) for name in self.objectives if goal(name) is None),
        ):
            if value is not None and value not in known:
                raise ConfigError(f"hydra.sweeper.{key}={value}: there is no such thing. {did_you_mean(value, known)}")
        if not self.objectives:
            raise ConfigError("hydra.sweeper.objectives=[]: a search needs something to look for, e.g. [quality].")
        if self.stopping is not None and list(self.objectives) != ["quality"]:
            raise ConfigError(
                f"hydra.sweeper.stopping={self.stopping} compares trials by their validation quality alone. Use "
                f"hydra.sweeper.objectives=[quality], or hydra.sweeper.stopping=null."
            )
        self._check_prices()
        if self.n_trials < 1 or self.eta < 2:
            raise ConfigError("hydra.sweeper.n_trials must be at least 1 and hydra.sweeper.eta at least 2.")

    def _check_prices(self) -> None:
        wants = any(isinstance(found, Cost) for found in self.goals())
        if wants and self.prices is None:
            raise ConfigError(
                "hydra.sweeper.objectives=[cost] needs prices: hydra.sweeper.price_per_cpu_hour=0.05 "
                "hydra.sweeper.requests_per_month=1e6 hydra.sweeper.cost_per_error=0.01"
            )
        if self.prices is not None and not wants:
            raise ConfigError("The prices of hydra.sweeper are for hydra.sweeper.objectives=[cost]. Leave them out.")

    @property
    def prices(self) -> Prices | None:
        """Of the objective ``cost``; None where none is given."""
        return Prices.of({name: getattr(self, name) for name in PRICES}, "hydra.sweeper.{}".format)

    def goals(self) -> tuple[Objective, ...]:
        return tuple(found for name in self.objectives if (found := goal(name, self.prices)) is not None)


def sampled(
    arguments: Sequence[str], settings: Settings, config_dirs: Sequence[str] = (), plugins: Sequence[str] = ()
) -> list[list[str]]:
    """As many points as the search has trials, drawn at random: what ``accel check`` looks at.

    Raises:
        ConfigError: the search is for what there is not, or what its task does not have.
    """
    where = space(arguments, settings.params)
    require_metrics(settings, where, config_dirs, plugins)
    settings.check()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=RandomSampler(seed=settings.seed))
    return [where.suggest(study.ask()) for _ in range(settings.n_trials)]


def _epochs(words: Sequence[str], config_dirs: Sequence[str]) -> int:
    """How long a job may train.

    Raises:
        ConfigError: the job is private, and stopping it early would look at private data that nobody accounts for.
    """
    from accel.config.compose import compose

    config = compose(words, config_dirs)
    if config.get("privacy"):
        raise ConfigError(
            "hydra.sweeper.stopping looks at scores on the private validation split, and that is not on the books of "
            "the privacy spent. Use hydra.sweeper.stopping=null with privacy."
        )
    return int(config.trainer.epochs)


def require_metrics(
    settings: Settings, where: Space, config_dirs: Sequence[str] = (), plugins: Sequence[str] = ()
) -> None:
    """Every metric that is named is one of the task's; a task that varies is left to the jobs.

    Raises:
        ConfigError: it is not.
    """
    named = [name for name in settings.objectives if name not in NAMED]
    priced = any(isinstance(found, Cost) for found in settings.goals())
    if not (named or priced) or "task" in where.varied:
        return
    from accel.config.compose import compose
    from accel.plan.decide import assemble

    words = [word for word in where.fixed if word.startswith(("task=", "task."))]
    metrics = assemble(compose(words, config_dirs), plugins).task.metrics()
    if priced and not metrics[0].share_of_right:
        raise ConfigError(
            f"hydra.sweeper.objectives=[cost]: a price of errors needs to know how many answers are wrong, and this "
            f"task is judged by {metrics[0].title}. Use objectives=[quality,latency_ms_p50]."
        )
    known = [m.key for m in metrics]
    for name in named:
        if name not in known:
            raise ConfigError(
                f"hydra.sweeper.objectives=[{name}]: this task has no such metric, so no trial could be told from "
                f"another. It has: {', '.join(known)}; quality is the first of them."
            )


class Search:
    """The source of a search's jobs; the study is kept in the sweep's folder, so another session goes on with it."""

    adaptive = True

    def __init__(self, arguments: Sequence[str], settings: Settings) -> None:
        settings.check()
        self.settings = settings
        self.space: Space = space(arguments, settings.params)
        self.trials: dict[int, int] = {}
        """Job number -> trial number."""
        self.again: list[Job] = []
        self.refusals: Counter[str] = Counter()
        """By reason, in this session."""

    def begin(self, sweep: Sweep, context: Context) -> int:
        """As every source does.

        Raises:
            ConfigError: the search is for a metric that its task does not have.
        """
        require_metrics(self.settings, self.space, context.config_dirs, context.plugins)
        self.sweep, self.context = sweep, context
        sweep.objectives = self.settings.goals()
        sweep.folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            sampler = SAMPLERS[self.settings.search](self.settings.seed + len(sweep.jobs))  # no point twice on resume
        self.study = optuna.create_study(
            study_name=STUDY,
            storage=open_journal(sweep.folder / JOURNAL),
            directions=[StudyDirection[goal.direction.upper()] for goal in self.settings.goals()],
            sampler=sampler,
            load_if_exists=True,
        )
        self.start = self._settings()
        if self.start and not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(self.start)
        self.finding = self._take_up_finding()
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._take_up(trial)
        return self.settings.n_trials + sweep.count("refused")

    def _settings(self) -> dict[str, Any]:
        """The point that the run without a search is: the first trial, so the best is never below it."""
        from omegaconf import OmegaConf

        from accel.config.compose import compose
        from accel.plan.decide import assemble

        try:
            config = compose(self.space.fixed, self.context.config_dirs)
            chosen = assemble(config, self.context.plugins).choices()
        except RefusedError:  # what varies is needed to be a run at all
            return {}
        return self.space.start(
            lambda key: chosen[key] if key in chosen else OmegaConf.select(config, key, default=ABSENT)
        )

    def _take_up_finding(self) -> Job | None:
        """The job whose numbers find themselves; None where there is none, it cannot be, or the study knows of it."""
        known = any(FOUND in trial.user_attrs for trial in self.study.get_trials(deepcopy=False))
        finds = self._finds()
        if known or not finds or self.settings.n_trials < LEAST_TO_FIND:
            return None
        words = [*self.space.fixed, *finds]
        if not self.context.accepts(words):
            return None
        job = self.sweep.job(words)
        if job.status in ENDED_WELL:
            self._tell_found(job)
        elif not job.ended:
            job.status = "waiting"
            self.again.append(job)
        return job

    def _finds(self) -> list[str]:
        """The settings that find themselves, without those that were typed.

        Raises:
            ConfigError: there is nothing of that name.
        """
        typed = {key_of(word) for word in self.space.fixed}
        wanted = [word for word in self.settings.finds if key_of(word) not in typed]
        for word in wanted:
            if key_of(word) not in self.space.varied:
                raise ConfigError(
                    f"hydra.sweeper.finds=[{word}]: the search varies no {key_of(word)}. "
                    f"{did_you_mean(key_of(word), self.space.varied)}"
                )
        return wanted

    def _tell_found(self, job: Job) -> None:
        """A trial of what the job found; nothing where that lies outside of what is searched."""
        values = self._values(job)
        repeat = ((job.result or {}).get("found") or {}).get("repeat")
        if values is None or repeat is None:
            return
        settled = {key: value for key, value in self.start.items() if key not in map(key_of, self.settings.finds)}
        point = {**settled, **self.space.typed(repeat)}
        if self.space.words(point) is None:
            return
        among = {key: self.space.varied[key] for key in point}
        trial = create_trial(params=point, distributions=among, values=values, user_attrs={FOUND: job.number})
        self.study.add_trial(trial)

    def _take_up(self, trial: FrozenTrial) -> None:
        """What a killed sweep left open: its job has ended meanwhile, goes on, or was never known whole."""
        words = self.space.words(trial.params)
        if words is None:
            self.study.tell(trial.number, state=TrialState.FAIL)
            return
        job = self.sweep.job(words)
        if job.status in ENDED_WELL:
            self._tell(trial.number, job)
        else:
            job.status, job.error = "waiting", None
            self._follow(job, trial.number)
            self.again.append(job)

    def next(self) -> Job | None:
        if self.again:
            return self.again.pop(0)
        for _ in range(TRIES_PER_TRIAL):
            if len(self.sweep.jobs) - self.sweep.count("refused") >= self.settings.n_trials:
                return None
            job = self._proposed()
            if job.status == "waiting":
                return job
        return None

    def _proposed(self) -> Job:
        """A new point, checked; one that is refused or known already teaches the study and costs nothing."""
        trial = self.study.ask()
        job = self.sweep.job(self.space.suggest(trial))
        if job.number not in self.trials and job.status == "waiting":
            self._follow(job, trial.number)
            self.context.check(job)
            self._heed(job, "waiting", "running", *ENDED_WELL, "failed")
        if job.status != "waiting":
            self._tell(trial.number, job)
        return job

    def _heed(self, job: Job, *otherwise: str) -> None:
        """Stop where every job is refused for one reason.

        Args:
            otherwise: statuses of jobs that show, or may yet show, that not every one is.

        Raises:
            ConfigError: says the reason.
        """
        if job.status != "refused":
            return
        reason = str(job.error)
        self.refusals[reason] += 1
        if self.refusals[reason] >= SAME_REFUSALS and not self.sweep.count(*otherwise):
            raise ConfigError(
                f"The search has stopped: {SAME_REFUSALS} points were refused for one reason, and none could run.\n"
                f"{reason}\nMend that and start it again; accel check with the same words shows it without a search."
            )

    def _follow(self, job: Job, trial: int) -> None:
        """Remember which trial the job is, and let its process ask whether it is worth going on."""
        self.trials[job.number] = trial
        rule = self.settings.stopping
        if rule is not None and trial:  # the first is the run without a search, which the others are held against
            where = str(self.sweep.folder / JOURNAL)
            epochs = _epochs(job.own_words, self.context.config_dirs)
            job.environment = Stopping(where, trial, rule, self.settings.eta, epochs).environment()

    def ended(self, job: Job) -> None:
        if job is self.finding:
            self._tell_found(job)
        elif job.status != "interrupted":  # it stays open, for another session
            self._tell(self.trials[job.number], job)
            self._heed(job, *ENDED_WELL, "failed")

    def _tell(self, trial: int, job: Job) -> None:
        if (values := self._values(job)) is not None:
            self.study.tell(trial, values)
        else:
            self.study.tell(trial, state=TrialState.PRUNED if job.status == "pruned" else TrialState.FAIL)

    def _values(self, job: Job) -> list[float] | None:
        """What the job is worth; None of one that did not finish, or lacks a figure."""
        values = [goal.told(job.result or {}) for goal in self.settings.goals()]
        found = [value for value in values if value is not None]
        return found if job.status == "finished" and len(found) == len(values) else None
