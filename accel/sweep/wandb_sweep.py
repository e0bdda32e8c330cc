"""``accel wandb-sweep``: a named search as a file for W&B's own sweeps, whose agents may run on any machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from accel.config.redact import redact
from accel.core.metric import QUALITY
from accel.errors import ConfigError, ExitCode
from accel.sweep.space import Space, space

if TYPE_CHECKING:
    from accel.core.plan import Plan

USAGE = "accel wandb-sweep sweep=NAME [overrides] [--file F]"
METHODS = {"tpe": "bayes", "gp": "bayes", "nsga2": "bayes", "random": "random", "qmc": "random"}
"""W&B has no other; a grid stays one."""
PRIVATE = "Each run states its own epsilon. Runs on the same records add up, and under W&B's agents nobody adds."
NAMES = {"latency_ms_p50": "after/latency_ms_p50", "size_bytes": "after/size_bytes", "flops": "after/flops"}


def main(words: Sequence[str]) -> int:
    """The command; see ``USAGE``.

    Raises:
        ConfigError: no search, or a file that cannot be written.
    """
    parser = argparse.ArgumentParser(prog="accel wandb-sweep", usage=USAGE, add_help=False)
    parser.add_argument("--file", type=Path)
    try:
        found, overrides = parser.parse_known_args(words)
    except SystemExit:
        raise ConfigError(f"accel wandb-sweep: --file needs a name. Usage: {USAGE}") from None
    name = next((w.partition("=")[2] for w in overrides if w.startswith("sweep=")), "sweep")
    file = found.file or Path(f"{name}.wandb.yaml")
    found_sweep = redact(sweep_file(overrides))
    text = yaml.safe_dump(found_sweep, sort_keys=False, allow_unicode=True)
    if any(word.startswith("privacy=") and word != "privacy=none" for word in found_sweep["command"]):
        text = f"# {PRIVATE}\n{text}"
    try:
        file.write_text(text, "utf8")
    except OSError as error:
        raise ConfigError(f"--file {file} cannot be written ({error.strerror}). Give another file.") from None
    print(f"{text}\nWritten to {file}. Start it with\n  wandb sweep {file}\n  wandb agent …   (as it tells you)")  # noqa: T201
    return ExitCode.DONE


def sweep_file(overrides: Sequence[str]) -> dict[str, Any]:
    """What ``wandb sweep`` reads.

    W&B knows one objective and no conditional keys: the first objective counts, and ``--conditional`` lets a run
    leave out the keys of options that it has not chosen, as accel's own sweeps do.

    Raises:
        ConfigError: nothing to vary.
    """
    from accel.config.arguments import parse
    from accel.config.compose import compose
    from accel.plan.decide import assemble
    from accel.sweep.entry import sort_words

    arguments = parse(overrides)
    settings, words = sort_words(arguments.overrides)
    config = dict(compose(settings, arguments.config_dirs).hydra.sweeper)
    where = space(words, config["params"] or {})
    assembled = assemble(compose(where.fixed, arguments.config_dirs), arguments.plugins)
    search, stopping = config["search"], config["stopping"]
    flags = [f"--config-dir={d}" for d in arguments.config_dirs] + [f"--plugin={p}" for p in arguments.plugins]
    found: dict[str, Any] = {
        "program": "accel",
        "command": ["${env}", "${interpreter}", "-m", "accel", *flags, "--conditional", *_fixed(where)],
        "method": METHODS[search] if search else "grid",
        "metric": _metric(config.get("objectives") or ["quality"], assembled, early=stopping is not None),
        "parameters": {key: _parameter(among) for key, among in where.varied.items()},
    }
    found["command"].append("${args_no_hyphens}")
    if search:
        found["run_cap"] = int(config["n_trials"])
    if stopping is not None:
        found["early_terminate"] = {"type": "hyperband", "min_iter": 1, "eta": int(config["eta"])}
    return found


def _fixed(where: Space) -> list[str]:
    """An offline run would never reach the sweep."""
    mode = [] if any(w.startswith(("tracker.mode=", "tracker=")) for w in where.fixed) else ["tracker.mode=online"]
    return [*mode, *where.fixed]


def _metric(objectives: Sequence[str], plan: Plan, *, early: bool) -> dict[str, str]:
    """By the name that it is logged under; a search that stops trials early looks at what is logged meanwhile.

    Raises:
        ConfigError: no run logs it.
    """
    from accel.report.pareto import NAMED, Cost
    from accel.report.summary import QUALITY as OF_THE_EXPORTED

    first = objectives[0]
    if isinstance(NAMED.get(first), Cost):
        raise ConfigError(
            "objectives=[cost] is for accel's own searches: no run logs it, and W&B's agents see what is logged alone. "
            "Use hydra.sweeper.objectives=[quality], or accel -m."
        )
    names: Mapping[str, str] = {"quality": QUALITY if early else OF_THE_EXPORTED, "epsilon": "privacy/epsilon", **NAMES}
    goal = plan.task.predicts().metrics[0].direction if first == "quality" else NAMED[first].direction
    return {"name": names[first], "goal": goal}


def _parameter(among: BaseDistribution) -> dict[str, Any]:
    if isinstance(among, FloatDistribution):
        return {
            "distribution": "log_uniform_values" if among.log else "uniform",
            "min": among.low,
            "max": among.high,
        }
    if isinstance(among, IntDistribution):
        return {"values": list(range(among.low, among.high + 1, among.step))}
    assert isinstance(among, CategoricalDistribution)
    return {"values": [_number(str(choice)) for choice in among.choices]}


def _number(text: str) -> int | float | str:
    """W&B models numbers as numbers; what YAML would take for something else stays the word that is typed."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
