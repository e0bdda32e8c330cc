"""What will be done, decided and checked whole before anything is imported, downloaded or built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from omegaconf import DictConfig, OmegaConf

from accel.config.build import build
from accel.config.compose import GROUPS, compose
from accel.core.compression import Compression
from accel.core.model import Model
from accel.core.option import Objection, Option
from accel.core.plan import Plan
from accel.core.privacy import Privacy
from accel.core.strategy import Strategy
from accel.core.task import Task
from accel.core.tracker import Tracker
from accel.core.trainer import Trainer
from accel.core.tuning import Tuning
from accel.engines._compilers import NONE_FOUND, has_compiler
from accel.errors import ConfigError, PlanError, did_you_mean, paragraph
from accel.plan.rules import clashes

O = TypeVar("O", bound=Option)  # noqa: E741 - the option's own type

PLAIN_KEYS = ("seed", "name", "group", "resume", "cache", "engines", "rounds")
"""Keys of config.yaml that belong to no group."""
MOST_ROUNDS = 10_000
ENGINE_NAMES = ("eager", "inductor", "onnxruntime", "openvino", "aotinductor", "cuda")


def refusal(objections: Sequence[Objection]) -> str:
    """All objections as one message."""
    count = "One objection" if len(objections) == 1 else f"{len(objections)} objections"
    head = f"accel cannot run this plan. {count}; nothing has been downloaded, built or logged."
    parts = [f"{number}  {paragraph(o.what, o.because, o.instead)}" for number, o in enumerate(objections, start=1)]
    return "\n\n".join([head, *parts])


def objections_to(plan: Plan) -> list[Objection]:
    """Everything that is wrong with a plan: each option's own needs, then the rules between options."""
    own = [objection for option in plan.options for objection in option.objections(plan)]
    return own + clashes(plan.options)


def checked(plan: Plan) -> Plan:
    """The plan, when nothing objects.

    Raises:
        PlanError: all objections at once.
    """
    objections = objections_to(plan)
    if objections:
        raise PlanError(refusal(objections))
    return plan


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
    compression = config.get("compression") or {}
    one = _Groups(config, plugins)
    plan = Plan(
        task=one.required("task", Task),
        model=one.required("model", Model),
        tuning=one.required("tuning", Tuning),
        compression=tuple(
            build(compression[k], Compression, f"compression.{k}", plugins, name=k) for k in sorted(compression)
        ),
        strategy=one.required("strategy", Strategy),
        privacy=one.optional("privacy", Privacy),
        tracker=one.optional("tracker", Tracker),
        trainer=one.required("trainer", Trainer),
        seed=_seed(config),
        name=str(config.get("name") or ""),
        group=str(config.get("group") or ""),
        cache=Path(str(config.cache)).expanduser(),
        engines=_engines(config),
        rounds=_rounds(config),
    )
    return plan if plan.name else replace(plan, name=default_name(plan))


def default_name(plan: Plan) -> str:
    """task-model-tuning and whatever is not the plain default, e.g. ``airline-minilm-full-prune-qat``."""
    extra = [t.option_name() for t in plan.techniques if t.group in ("compression", "privacy")]
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

    def required(self, group: str, base: type[O]) -> O:
        option = self.optional(group, base)
        if option is None:
            raise ConfigError(f"{group} must be chosen: add {group}=… to the command line (see accel --help).")
        return option

    def optional(self, group: str, base: type[O]) -> O | None:
        node = self.config.get(group)
        return build(node, base, group, self.plugins, name=self._chosen(group)) if node else None

    def _chosen(self, group: str) -> str | None:
        """The YAML file that was chosen, which Hydra keeps; none for a configuration that was made by hand."""
        return OmegaConf.select(self.config, f"hydra.runtime.choices.{group}")


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
    rounds = config.get("rounds")
    if not isinstance(rounds, int) or isinstance(rounds, bool) or not 3 <= rounds <= MOST_ROUNDS:
        raise ConfigError(f"rounds={rounds}: each engine is timed 3 to {MOST_ROUNDS} times, e.g. rounds=60.")
    return rounds


def _engines(config: DictConfig) -> tuple[str, ...]:
    names = [config.engines] if isinstance(config.engines, str) else list(config.engines or [])
    for name in names:
        if name not in ENGINE_NAMES:
            raise ConfigError(f"engines={name}: there is no such engine. {did_you_mean(str(name), ENGINE_NAMES)}")
    if not names:
        raise ConfigError("engines=[]: a run is measured on at least one engine, e.g. engines=[eager].")
    if names == ["openvino"] and find_spec("openvino") is None:
        raise ConfigError("engines=[openvino] needs OpenVINO, which is not installed: pip install 'accel[openvino]'.")
    if "aotinductor" in names and not has_compiler():
        raise ConfigError(f"engines=[aotinductor] {NONE_FOUND}. Install one, or leave the engine out.")
    return tuple(names)
