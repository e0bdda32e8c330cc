"""``accel attack``: what a finished run's models tell of their training texts, before and after compression.

Of labelled texts: which were trained on (membership inference). Of a language model: which planted secrets it knows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from accel.analysis.secrets import EXAMPLE, Memory, memory, read_secrets, secrets_table, times_planted
from accel.checkpoint.resume import require_same_splits
from accel.core.console import Console
from accel.core.meta import META
from accel.core.objective import Labelled
from accel.errors import ConfigError, DataError, ExitCode
from accel.report.html import write_report
from accel.report.record import RESULT, write_record
from accel.weights.meta import artifact_folder

if TYPE_CHECKING:
    from accel.analysis.membership import Attack, Margins, Texts
    from accel.core.plan import Plan
    from accel.data import Split

MOST_TEXTS = 2000
"""Of each kind; more only narrows the interval."""
BATCH_SIZE = 64
CANDIDATES, MOST_CANDIDATES = 1024, 1 << 20
EXPOSURE = "Controls were never planted: about 1.44 bits are guessing."
GUESSING = "0.5, 1 % and 0.1 % are guessing; the last needs a thousand texts that were not trained on."


def main(words: Sequence[str], plugins: Sequence[str] = ()) -> int:
    """Attack the run's model, and its dense baseline where that was trained on the data too.

    Args:
        plugins: modules of the user that were imported; a run may be of their classes.

    Raises:
        DataError: a folder is no finished run, or a shadow was trained on something else.
    """
    arguments = _parser().parse_args(words)
    folder = _finished(arguments.run)
    if arguments.secrets is not None:
        _check_options(arguments)
        remembered = attack_secrets(folder, arguments.secrets, arguments.candidates, plugins)
        _tell(folder, "exposure", remembered, secrets_table(remembered), EXPOSURE)
        return ExitCode.DONE
    found = attack(folder, [_finished(s) for s in arguments.shadows], plugins)
    _tell(folder, "membership", found, _table(found), GUESSING)
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="accel attack",
        description="How well training texts can be told from others, by the finished model; or, of a language "
        "model, which secrets that were planted in its training texts it remembers.",
    )
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("shadows", nargs="*", metavar="SHADOW", help="runs of the same command with other seeds")
    parser.add_argument(
        "--secrets", metavar="FILE", type=Path, help=f"JSON lines of what was planted, such as {EXAMPLE}"
    )
    parser.add_argument(
        "--candidates",
        metavar="N",
        type=int,
        default=CANDIDATES,
        help=f"how many secrets of a shape are ranked, the planted one included; default {CANDIDATES}",
    )
    return parser


def _check_options(arguments: argparse.Namespace) -> None:
    if arguments.shadows:
        raise ConfigError(
            f"--secrets  with  {arguments.shadows[0]}: shadows are for membership inference, and secrets are compared "
            f"with random ones of their shape. Leave the shadows out, or --secrets."
        )
    if not 2 <= arguments.candidates <= MOST_CANDIDATES:
        raise ConfigError(
            f"--candidates {arguments.candidates}: a rank needs at least 2 candidates, and each of them is scored, so "
            f"there are {MOST_CANDIDATES} at most. Use --candidates {CANDIDATES}, which shows up to 10 bits."
        )


def _tell(folder: Path, key: str, found: Sequence[Any], table: Table, note: str) -> None:
    """Put the attacks into the run's record and report, and on the screen."""
    record = json.loads((folder / RESULT).read_text("utf8"))
    record[key] = [asdict(a) for a in found]
    write_record(record, folder)
    write_report(folder)
    console = Console(None)
    console.say(table)
    console.say(f"{note} Added to {folder / RESULT} and to the report beside it.")
    console.close()


def _finished(path: str) -> Path:
    folder = Path(path).expanduser()
    if not (folder / "config.yaml").is_file() or not (folder / "model" / META).is_file():
        raise DataError(f"{path} is not the folder of a finished run. Give one such as outputs/DATE/TIME.")
    return folder


def attack(folder: Path, shadows: Sequence[Path], plugins: Sequence[str] = ()) -> list[Attack]:
    """All attacks on a run's models.

    Args:
        shadows: folders of runs on other splits of the same data.
    """
    from accel.analysis.membership import lira, loss_attack

    _require_labels(folder / "model")
    plan = _with_its_splits(folder, plugins)
    data = plan.task.load(plan.seed)
    members, others = _some(data.train), _some(data.test)
    labelled = {t: y for split in (data.train, data.test) for t, y in zip(split.texts, split.labels, strict=True)}
    asked = {text: labelled[text] for text in (*members, *others)}
    known = [(_margins(artifact_folder(s), asked), _trained_on(s, plan, plugins)) for s in shadows]
    found: list[Attack] = []
    for name, model in _models(folder, plan):
        margins = _margins(model, asked)
        found.append(loss_attack(name, margins, members, others))
        corrected = lira(name, margins, members, others, known) if known else None
        found += [corrected] if corrected is not None else []
    return found


def _require_labels(model: Path) -> None:
    """That the model is sure of labels; a language model is asked for something else."""
    from accel.objective.language_modeling import LanguageModelling
    from accel.objective.registry import objective_of, require
    from accel.weights.meta import read_meta

    found = objective_of(read_meta(model))
    if isinstance(found, LanguageModelling):
        raise DataError(
            f"{model} holds a model of {found.name}, whose texts have no labels to be sure of. Of a run of "
            f"task=language_modeling, accel attack RUN --secrets FILE tells which planted secrets it remembers."
        )
    require(model, Labelled)


def attack_secrets(folder: Path, file: Path, candidates: int, plugins: Sequence[str] = ()) -> list[Memory]:
    """What a run's language models remember of secrets that were planted in its training texts.

    Raises:
        DataError: it is no language model, a secret stands in no training text, or is longer than a block.
    """
    from accel.analysis.recall import Recall

    secrets = read_secrets(file)
    recall = Recall.load(folder / "model")
    plan = _with_its_splits(folder, plugins)
    planted = times_planted(secrets, [text for (text,) in plan.task.load(plan.seed).train.texts])
    recall.check(secrets)
    found: list[Memory] = []
    for name, model in _models(folder, plan):
        asked = Recall.load(model)
        shown = [asked.exposed(one, count, candidates) for one, count in zip(secrets, planted, strict=True)]
        found.append(memory(name, shown))
    return found


def _with_its_splits(folder: Path, plugins: Sequence[str]) -> Plan:
    plan = plan_of(folder, plugins)
    require_same_splits(plan.task, folder, f"accel attack {folder}")
    return plan


def plan_of(folder: Path, plugins: Sequence[str] = ()) -> Plan:
    """The plan that a run's folder was made from."""
    from omegaconf import DictConfig, OmegaConf

    from accel.config.renamed import rename_keys
    from accel.plan.decide import assemble

    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)  # a run writes a mapping
    rename_keys(config)
    return assemble(config, plugins)


def _models(folder: Path, plan: Plan) -> list[tuple[str, Path]]:
    record = json.loads((folder / RESULT).read_text("utf8"))
    models = [("after", folder / "model")]
    if (record.get("before") or {}).get("model") == "baseline":
        from accel.data.prepared import prepare
        from accel.run.baseline import folder_of

        dense = folder_of(plan, prepare(plan.task.load(plan.seed), plan)) / "model"
        models = [("before", dense), *models] if dense.is_dir() else models
    return models


def _trained_on(shadow: Path, target: Plan, plugins: Sequence[str]) -> set[Texts]:
    plan = _with_its_splits(shadow, plugins)
    if plan.task.source() != target.task.source():
        raise DataError(f"{shadow} was trained on {plan.task.source()}, not on {target.task.source()}.")
    return set(plan.task.load(plan.seed).train.texts)


def _some(split: Split) -> list[Texts]:
    import random

    return random.Random(0).sample(split.texts, min(MOST_TEXTS, len(split.texts)))


def _margins(model: Path, asked: dict[Texts, Any]) -> Margins:
    """How sure a model is of the true label of every text."""
    import torch

    from accel.inference.predictor import Predictor
    from accel.objective.registry import require

    predictor, objective = Predictor.load(model), require(model, Labelled)
    texts = sorted(asked, key=lambda t: sum(map(len, t)))
    margins: dict[Texts, float] = {}
    for start in range(0, len(texts), BATCH_SIZE):
        part = texts[start : start + BATCH_SIZE]
        with torch.inference_mode():
            logits = predictor.model(**predictor.inputs(part)).logits.double()
        sure = objective.margins(logits, [asked[t] for t in part])
        margins |= dict(zip(part, sure.tolist(), strict=True))
    return margins


def _table(found: Sequence[Attack]) -> Table:
    table = Table(title="Membership inference", title_justify="left", box=SIMPLE_HEAD)
    for name in ("model", "attack", "AUC", "95 %", "found at 1 %\nfalse alarms", "at 0.1 %"):
        table.add_column(name, justify="left" if name in ("model", "attack") else "right")
    for a in found:
        low, high = a.auc_interval
        rare = a.true_positives_at_01_percent
        found_at = (
            f"{100 * share:.1f} %" if share is not None else "" for share in (a.true_positives_at_1_percent, rare)
        )
        table.add_row(a.model, a.method, f"{a.auc:.3f}", f"{low:.3f}-{high:.3f}", *found_at)
    return table
