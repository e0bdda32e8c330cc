"""Lightning's loggers as accel wants them. The only file that touches W&B's and TensorBoard's own interfaces."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accel.tracker import RunInfo

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from accel.tracker.wandb import Wandb


def wandb_logger(settings: Wandb, info: RunInfo, *, flush_s: float, init_timeout_s: int) -> Logger:
    """A logger around a run that this process owns: no console capture, no machine metadata, no code upload."""
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    wandb.setup()
    if wandb.run is not None:  # a run left open would swallow this one
        wandb.finish()
    run = wandb.init(
        id=info.run_id,
        resume="allow",
        project=settings.project,
        entity=settings.entity,
        name=info.name,
        group=info.group or None,
        job_type=info.job_type,
        tags=list(info.tags),
        config=dict(info.config),
        dir=info.folder,
        mode=settings.mode.value,
        settings=wandb.Settings(
            x_transaction_log_flush_interval=flush_s,
            x_disable_meta=True,
            save_code=False,
            console="off",
            silent=True,
            init_timeout=init_timeout_s,
        ),
    )
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step")
    run.define_metric("validation/accuracy", summary="max")
    return WandbLogger(experiment=run)


def finish_wandb(
    summary: Mapping[str, Any], table: tuple[list[str], list[list[Any]]], model_of: Path | None, exit_code: int
) -> None:
    """Send the summary, the table and the model of the open run, and close it; does nothing without one."""
    with contextlib.suppress(ImportError):
        import wandb

        run = wandb.run
        if run is None:
            return
        try:
            run.summary.update(dict(summary))
            columns, rows = table
            if rows:
                run.log({"before_after": wandb.Table(columns=[*columns], data=[*rows])})
            if model_of is not None and (model_of / "model").is_dir():
                artifact = wandb.Artifact(f"model-{run.id}", type="model")
                artifact.add_dir(str(model_of / "model"))
                run.log_artifact(artifact)
        finally:
            run.finish(exit_code=exit_code)


def tensorboard_logger(info: RunInfo) -> Logger:
    """Event files under ``tensorboard/`` in the run's folder."""
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(info.folder, name="tensorboard", version="")


def tensorboard_hparams(folder: Path, choices: Mapping[str, str], figures: Mapping[str, float]) -> None:
    """One HParams row: the choices and the final figures."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "tensorboard")) as writer:
        writer.add_hparams(dict(choices), dict(figures), run_name=".")


def log_comparison(columns: list[str], rows: list[list[Any]], charts: Mapping[str, Any]) -> str:
    """Log a table of runs and its plotly figures as one W&B run of job type ``compare``.

    Offline unless WANDB_MODE says otherwise, into the current folder; the project is WANDB_PROJECT or ``accel``.

    Returns:
        Where it went, for the user.
    """
    import os

    import wandb

    mode = "online" if os.environ.get("WANDB_MODE") == "online" else "offline"
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "accel"),
        job_type="compare",
        mode=mode,
        settings=wandb.Settings(x_disable_meta=True, save_code=False, console="off", silent=True, init_timeout=20),
    )
    try:
        table = wandb.Table(columns=list(columns), data=rows)  # type: ignore[arg-type] - its annotation is narrower than it
        run.log({"runs": table} | {k: wandb.Plotly(v) for k, v in charts.items()})
        return f"W&B: {run.url}" if mode == "online" else f"W&B: {Path(run.dir).parent} (send it with 'wandb sync')"
    finally:
        run.finish()
