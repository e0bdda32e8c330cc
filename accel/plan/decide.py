"""What will be done, decided and checked whole before anything is imported, downloaded or built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from accel.config.build import build
from accel.config.compose import GROUPS, compose, conf_dir
from accel.core.compression import Compression
from accel.core.engine import Engine
from accel.core.model import Model
from accel.core.option import Objection, Option
from accel.core.plan import Plan
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import Task
from accel.core.tracker import Tracker
from accel.core.trainer import Trainer
from accel.core.tuning import Tuning
from accel.errors import ConfigError, PlanError, did_you_mean, paragraph
from accel.plan.public_data import PublicData
from accel.plan.rules import clashes

O = TypeVar("O", bound=Option)  # noqa: E741 - the option's own type

PLAIN_KEYS = ("seed", "name", "group", "resume", "cache", "rounds")
"""Keys of config.yaml that belong to no group."""
MOST_ROUNDS = 10_000


def refusal(objections: Sequence[Objection]) -> str:
    """All objections as one message."""
    count = "One objection" if len(objections) == 1 else f"{len(objections)} objections"
    head = f"accel cannot run this plan. {count}; nothing has been downloaded, built or logged."
    parts = [f"{number}  {paragraph(o.what, o.because, o.instead)}" for number, o in enumerate(objections, start=1)]
    return "\n\n".join([head, *parts])


def objections_to(plan: Plan) -> list[Objection]:
    """What is wrong with a plan: each option's own needs, then data that is not public, then rules between options."""
    own = [objection for option in plan.options for objection in option.objections(plan)]
    private = PublicData(plan, plan.privacy).objections() if plan.privacy is not None else ()
    return [*own, *private, *clashes(plan.options)]


def checked(plan: Plan) -> Plan:
    """The plan, when nothing objects.

    Raises:
        PlanError: all objections at once.
    """
    objections = objections_to(plan)
    if objections:
        raise PlanError(refusal(objections))
    return plan


def check_resumed(plan: Plan, folder: Path) -> None:
    """Refuse to go on privately from weights that have seen what this run's guarantee does not cover.

    Raises:
        PlanError: names it.
    """
    if plan.privacy is None:
        return
    objections = list(PublicData(plan, plan.privacy).objections_to_resume(folder))
    if objections:
        raise PlanError(refusal(objections))


def decide(config: DictConfig, plugins: Sequence[str] = ()) -> Plan:
    """Build every chosen option and check the whole; imports no torch.

    Raises:
        ConfigError: a key, type or target that does not fit.
        PlanError: all objections at once.
    """
    return checked(assemble(config, plugins))


def assemble(config: DictConfig, plugins: Sequence[str] = ()) -> Plan:
    """The plan a composed configuration describes, not yet checked."""
    _only_known_keys(config)
    one = _Groups(config, plugins)
    plan = Plan(
        task=one.required(Task),
        model=one.required(Model),
        tuning=one.required(Tuning),
        compression=one.several(Compression),
        strategy=one.required(Strategy),
        privacy=one.optional(Privacy),
        tracker=one.optional(Tracker),
        trainer=one.required(Trainer),
        seed=_seed(config),
        name=str(config.get("name") or ""),
        group=str(config.get("group") or ""),
        cache=Path(str(config.cache)).expanduser(),
        engines=one.several(Engine),
        rounds=_rounds(config),
    )
    if not plan.engines:
        raise ConfigError("engines=[]: a run is measured on at least one engine, e.g. engines=[eager].")
    return plan if plan.name else replace(plan, name=default_name(plan))


def default_name(plan: Plan) -> str:
    """task-model-tuning and whatever is not the plain default, e.g. ``airline-minilm-full-prune-qat``."""
    extra = [t.option_name() for t in plan.techniques if isinstance(t, Compression | Privacy)]
    ranks = [plan.strategy.option_name()] if plan.strategy.num_processes() > 1 else []
    return "-".join([plan.task.option_name(), plan.model.option_name(), plan.tuning.option_name(), *extra, *ranks])


def check_overrides(overrides: list[str], plugins: Sequence[str] = (), config_dirs: Sequence[str] = ()) -> None:
    """Compose and check one job.

    Raises:
        RefusedError: whatever is wrong with it.
    """
    decide(compose(overrides, config_dirs), plugins)


@dataclass(frozen=True)
class _Groups:
    config: DictConfig
    plugins: Sequence[str]

    def required(self, base: type[O]) -> O:
        option = self.optional(base)
        if option is None:
            raise ConfigError(
                f"{base.group} must be chosen: add {base.group}=… to the command line (see accel --help)."
            )
        return option

    def optional(self, base: type[O]) -> O | None:
        group = base.group
        node = self.config.get(group)
        return build(node, base, group, self.plugins, name=self._chosen(group)) if node else None

    def several(self, base: type[O]) -> tuple[O, ...]:
        """Of a list group, by name."""
        group = base.group
        nodes = _named(group, self.config.get(group) or {})
        return tuple(build(nodes[name], base, f"{group}.{name}", self.plugins, name=name) for name in sorted(nodes))

    def _chosen(self, group: str) -> str | None:
        """The YAML file that was chosen, which Hydra keeps; none for a configuration that was made by hand."""
        return OmegaConf.select(self.config, f"hydra.runtime.choices.{group}")


def _named(group: str, chosen: Any) -> Mapping[str, Any]:
    """The options of a list group by name; the configuration of an older run has the names of its engines alone."""
    if OmegaConf.is_dict(chosen) or not chosen:
        return chosen
    names = [chosen] if isinstance(chosen, str) else chosen
    return {name: OmegaConf.select(OmegaConf.load(conf_dir() / group / f"{name}.yaml"), name) for name in names}


def _only_known_keys(config: DictConfig) -> None:
    known = {*GROUPS, *PLAIN_KEYS, "hydra"}
    for key in config:
        if key not in known:
            raise ConfigError(f"{key} is no key of accel. {did_you_mean(str(key), known)}")


def _seed(config: DictConfig) -> int:
    if not isinstance(config.seed, int) or isinstance(config.seed, bool) or config.seed < 0:
        raise ConfigError(f"seed={config.seed}: a seed is a whole number that is not negative, e.g. seed=0.")
    return config.seed


def _rounds(config: DictConfig) -> int:
    rounds = config.get("rounds", Plan.rounds)  # a run of an earlier version has none
    if not isinstance(rounds, int) or isinstance(rounds, bool) or not 3 <= rounds <= MOST_ROUNDS:
        raise ConfigError(f"rounds={rounds}: each engine is timed 3 to {MOST_ROUNDS} times, e.g. rounds=60.")
    return rounds
