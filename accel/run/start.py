"""From a command line to a run: which of its processes this one is, where the run lives, what it shall do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.checkpoint.resume import (
    config_of,
    require_same_model,
    require_same_splits,
)
from accel.config.compose import compose, plain
from accel.config.redact import redact
from accel.core.plan import Plan
from accel.errors import ConfigError, ExitCode, RefusedError, RunError
from accel.plan.decide import assemble, check_resumed, checked
from accel.process.rank_info import (
    FOLDER_VARIABLE,
    PARENT_VARIABLE,
    RankInfo,
    address_in_slurm,
    address_of,
    end_with,
)
from accel.process.ranks import Ranks, SingleProcess
from accel.process.requeue import SlurmRun
from accel.report.record import CONFIG, RUN_LOCK, new_record, write_record
from accel.run.claim import running
from accel.run.run import Run, make_folder
from accel.strategy._distributed import Distributed

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from accel.config.arguments import Arguments


def start(words: Sequence[str], arguments: Arguments) -> int:
    """One run; a process that others started for it does its share.

    Raises:
        RefusedError: the command line cannot be run; the first process of each machine raises it.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None:
        end_with(int(parent))
    place = RankInfo.of_environment(os.environ)
    try:
        with ExitStack() as held:
            return _start(words, arguments, place, held)
    except RefusedError:
        if place.leads_node:
            raise
        return ExitCode.REFUSED


def _start(words: Sequence[str], arguments: Arguments, place: RankInfo, held: ExitStack) -> int:
    folder, resume = None, False
    try:
        config = compose(arguments.overrides, arguments.config_dirs)
        place = _of_its_node(place, config)
        slurm_run = SlurmRun.of(words, Path(str(config.cache)).expanduser(), os.environ) if place.leads else None
        folder, resume = _folder(config, place, slurm_run)
        if folder is not None and place.launcher != "accel":  # else the process that started this one holds it
            held.enter_context(running(folder))
        before = config_of(folder) if resume and folder is not None else None
        if folder is not None and before is not None:
            require_same_model(before, redact(plain(config)), folder)
        plan = checked(assemble(config, arguments.plugins))
        if folder is not None and before is not None:
            require_same_splits(plan.task, folder, f"resume={folder}")
        if resume and folder is not None:
            check_resumed(plan, folder)
        check_processes(plan, place)
        strategy = plan.strategy
        if isinstance(strategy, Distributed) and not place.launcher:
            from accel.process.launch import launch

            return launch(strategy, folder, [*words, f"resume={folder}"] if resume and config.resume is None else words)
        ranks = ranks_of(plan, place)
    except (RefusedError, RunError) as error:
        if place.leads and not resume:  # else the folder has the record of the run that was to go on
            _record_end(arguments, folder, error)
        raise
    folder = Path(ranks.agree("folder", str(folder)))
    resume = bool(ranks.agree("resume", "yes" if resume else ""))
    folder.mkdir(parents=True, exist_ok=True)
    if not place.leads:
        _print_to(folder / f"log.rank{place.rank}.txt")
    code = Run(plan, redact(plain(config)), folder, arguments.overrides, resume=resume, ranks=ranks).execute()
    if slurm_run is not None and code is ExitCode.SIGTERM:
        slurm_run.queue_again()
    return code


def _of_its_node(place: RankInfo, config: DictConfig) -> RankInfo:
    """A parent that was told to be another machine than the first does not lead."""
    node = (config.get("strategy") or {}).get("node_rank")
    return replace(place, rank=node, node_rank=node) if not place.launcher and isinstance(node, int) else place


def _folder(config: DictConfig, place: RankInfo, slurm_run: SlurmRun | None) -> tuple[Path | None, bool]:
    """The run's folder, which rank 0 chooses and the others will hear of, and whether an earlier run left it."""
    if config.resume is not None:
        return (_resumed(str(config.resume)) if place.leads else None), True
    if place.launcher == "accel" and FOLDER_VARIABLE in os.environ:
        return Path(os.environ[FOLDER_VARIABLE]), False
    if not place.leads:
        return None, False
    earlier = slurm_run.earlier() if slurm_run else None
    if earlier is not None:
        print(f"Slurm has started this job again: the run goes on in {earlier}.")  # noqa: T201 - before any console
        return earlier, True
    folder = make_folder(config.hydra.run.dir)
    if folder != (wanted := Path(config.hydra.run.dir).expanduser().absolute()):
        print(f"{wanted} is taken: this run is in {folder.name} beside it.")  # noqa: T201 - before any console
    if slurm_run is not None:
        slurm_run.remember(folder)
    return folder, False


def _resumed(folder: str) -> Path:
    path = Path(folder).expanduser().absolute()
    if not (path / CONFIG).is_file():
        raise ConfigError(f"resume={folder} is no folder of a run (it has no config.yaml).")
    return path


def check_processes(plan: Plan, place: RankInfo) -> None:
    """Compare what was started with what is configured.

    Raises:
        ConfigError: as many processes as the strategy wants are not there.
    """
    strategy = plan.strategy
    wanted, local = strategy.num_processes(), strategy.local_processes()
    if not place.launcher or (place.world_size, place.local_size) == (wanted, local):
        return
    nodes = place.world_size // place.local_size
    many = f"strategy.processes={place.local_size}" + (f" strategy.nodes={nodes}" if nodes > 1 else "")
    asked = f"strategy={strategy.option_name()}"
    if isinstance(strategy, Distributed):
        asked += f" with strategy.processes={strategy.processes} and strategy.nodes={strategy.nodes}"
    raise ConfigError(
        f"{place.launcher} started {place.world_size} processes, {place.local_size} on this machine, and {asked} means "
        f"{wanted}, {local} on each. Set {many} beside a strategy of several processes such as strategy=ddp, or start "
        f"{wanted}: torchrun --nproc-per-node={local}, srun --ntasks-per-node={local}, or plain accel, which starts "
        f"them by itself."
    )


def ranks_of(plan: Plan, place: RankInfo) -> Ranks:
    """Meet the other processes of the run, if there are any."""
    strategy = plan.strategy
    if not isinstance(strategy, Distributed):
        return SingleProcess()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # torch tells every failed attempt to connect, with its stack
    from accel.process.rendezvous import meet

    return meet(place, *_address(strategy, place), strategy.timeout_s)


def _address(strategy: Distributed, place: RankInfo) -> tuple[str, int]:
    if place.launcher == "srun":
        return address_of(strategy.rendezvous) if strategy.rendezvous else address_in_slurm(os.environ)
    return os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])


def _print_to(log: Path) -> None:
    """Send what this process prints, a crash of a library included, to its log; rank 0 talks to the user.

    Python's name for the terminal stays, for the last word of a machine whose user does not see rank 0.
    """
    sys.__stderr__ = os.fdopen(os.dup(2), "w")  # type: ignore[misc]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


def _record_end(arguments: Arguments, folder: Path | None, error: RefusedError | RunError) -> None:
    """Leave the record, and nothing else, where the run would have been."""
    if folder is None:
        where = [o for o in arguments.overrides if o.startswith("hydra.run.dir=")]
        try:
            folder = make_folder(compose(where).hydra.run.dir)
        except RefusedError:
            return
    write_record({**new_record(arguments.overrides), "status": error.status, "error": str(error)}, folder)
    (folder / RUN_LOCK).unlink(missing_ok=True)  # nothing ran
