"""What will be done, decided and checked whole before anything is imported, downloaded or built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from accel.build import build
from accel.compilers import NONE_FOUND, has_compiler
from accel.compose import GROUPS, compose
from accel.compression import Compression
from accel.errors import ConfigError, PlanError, did_you_mean, paragraph
from accel.model import Model
from accel.privacy import Privacy
from accel.rules import RULES, typed
from accel.strategy import Strategy
from accel.task import Task
from accel.technique import Objection, Option, Technique
from accel.tracker import Tracker
from accel.trainer import Trainer
from accel.tuning import Tuning

O = TypeVar("O", bound=Option)  # noqa: E741 - the option's own type

PLAIN_KEYS = ("seed", "name", "group", "resume", "cache", "engines")
"""Keys of config.yaml that belong to no group."""
ENGINE_NAMES = ("eager", "inductor", "onnxruntime", "openvino", "aotinductor", "cuda")


@dataclass(frozen=True)
class Plan:
    """One run: the options it consists of, and nothing that was computed from data."""

    task: Task
    model: Model
    tuning: Tuning
    compression: tuple[Compression, ...]
    strategy: Strategy
    privacy: Privacy | None
    tracker: Tracker | None
    trainer: Trainer
    seed: int
    name: str
    group: str
    cache: Path
    engines: tuple[str, ...]
    """What the finished model is measured on."""

    @property
    def techniques(self) -> tuple[Technique, ...]:
        """Everything that changes training, in the order of stages (then by name)."""
        chosen: list[Technique] = [self.tuning, *self.compression, self.strategy]
        if self.privacy is not None:
            chosen.append(self.privacy)
        return tuple(sorted(chosen, key=lambda t: (t.stage, t.option_name())))

    @property
    def options(self) -> list[Option]:
        """Every chosen option."""
        others = [self.task, self.model, self.trainer, *([self.tracker] if self.tracker else [])]
        return [*others, *self.techniques]

    @property
    def changes_model(self) -> bool:
        return any(t.changes_model for t in self.techniques)

    @property
    def needs_baseline(self) -> bool:
        """A *before* column is measured for whatever changes the model, never trained unprivately under privacy."""
        wanted = self.changes_model or any(t.needs_baseline for t in self.techniques)
        return wanted and self.privacy is None

    @property
    def needs_pretrained(self) -> bool:
        """Under privacy the *before* column is the model as it was before any training."""
        wanted = self.changes_model and self.privacy is not None
        return wanted or any(t.needs_pretrained for t in self.techniques)

    def choices(self) -> dict[str, Any]:
        """The chosen option of each group, as the record states it."""
        return {
            "task": self.task.option_name(),
            "model": self.model.option_name(),
            "tuning": self.tuning.option_name(),
            "compression": sorted(c.option_name() for c in self.compression),
            "strategy": self.strategy.option_name(),
            "privacy": self.privacy.option_name() if self.privacy else "none",
            "tracker": self.tracker.option_name() if self.tracker else "none",
            "trainer": self.trainer.option_name(),
        }

    def objections(self) -> list[Objection]:
        """Everything that is wrong with the plan: each option's own needs, then the rules between options."""
        own = [objection for option in self.options for objection in option.objections(self)]
        clashes = [objection for rule in RULES for objection in rule.objections(self.options)]
        return own + clashes

    def check(self) -> Plan:
        """Itself, when nothing objects.

        Raises:
            PlanError: all objections at once.
        """
        objections = self.objections()
        if objections:
            raise PlanError(refusal(objections))
        return self

    def dense(self) -> Plan:
        """The same model on the same task without compression, in one process: the *before* of this plan."""
        from accel.strategy.single import Single
        from accel.tuning.full import Full

        return replace(
            self,
            trainer=self.trainer.for_baseline(),
            compression=(),
            privacy=None,
            strategy=Single(),
            tuning=Full(),
            tracker=None,
        )

    def digest(self) -> str:
        """Equal plans, equal digest: over every setting of every option, and the seed."""
        return digest({typed(o): o.settings() for o in self.options} | {"seed": self.seed})

    def describe(self) -> str:
        """The plan as plan.txt and the terminal show it."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name}  (seed {self.seed})"
        for option in (self.task, self.model, self.trainer):
            yield f"  {typed(option):<28} {brief(option)}"
        for technique in self.techniques:
            yield f"  {typed(technique):<28} {technique.stage.name:<11} {brief(technique)}"
        for remark in self.privacy.remarks() if self.privacy is not None else ():
            yield f"  {remark}"
        dense = "trained first, or reused" if self.needs_baseline else "not needed"
        yield f"  dense baseline               {dense if not self.needs_pretrained else 'the pretrained model'}"


def digest(value: Any) -> str:
    """sha256 of plain nested values."""
    text = json.dumps(value, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else str(value)


def brief(option: Option) -> str:
    """An option's settings on one line."""
    return " ".join(f"{k}={_plain(v)}" for k, v in option.settings().items() if v is not None)


def refusal(objections: Sequence[Objection]) -> str:
    """All objections as one message."""
    count = "One objection" if len(objections) == 1 else f"{len(objections)} objections"
    head = f"accel cannot run this plan. {count}; nothing has been downloaded, built or logged."
    parts = [f"{number}  {paragraph(o.what, o.because, o.instead)}" for number, o in enumerate(objections, start=1)]
    return "\n\n".join([head, *parts])


def decide(config: DictConfig, plugins: Sequence[str] = ()) -> Plan:
    """Build every chosen option and check the whole; imports no torch.

    Raises:
        ConfigError: a key, type or target that does not fit.
        PlanError: all objections at once.
    """
    return assemble(config, plugins).check()


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
