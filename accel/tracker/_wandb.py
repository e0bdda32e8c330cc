"""Lightning's loggers as accel wants them. The only file that touches W&B's and TensorBoard's own interfaces."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from accel.config.redact import redact, redact_text, redactor
from accel.core.metric import QUALITY
from accel.core.tracker import RunInfo

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def wandb_logger(
    info: RunInfo,
    *,
    project: str,
    entity: str | None,
    mode: Literal["offline", "online", "disabled"],
    flush_s: float,
    init_timeout_s: int,
) -> Logger:
    """A logger around a run that this process owns: no console capture, no machine metadata, no code upload."""
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    quiet(mode)
    if wandb.run is not None:  # a run left open would swallow this one
        wandb.finish()
    run = wandb.init(
        id=_given_id() or info.run_id,
        resume="allow",
        project=redact_text(project),
        entity=entity,
        name=redact_text(info.name),
        group=redact_text(info.group) or None,
        job_type=info.job_type,
        tags=redact(info.tags),
        config=redact(info.config),
        dir=info.folder,
        mode=mode,
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
    if info.quality is not None:
        run.define_metric(QUALITY, summary=info.quality.best)
    return WandbLogger(experiment=run)


def quiet(mode: str) -> None:
    """Set the process up for a mode: set up for none, it looks up W&B's host even where all runs are offline."""
    import wandb

    wandb.setup(wandb.Settings(mode=mode))  # type: ignore[arg-type] - one of its words


def wandb_server() -> str:
    """The server's address; only set-up settings know environment and files, which ``wandb.Settings()`` does not."""
    import wandb

    return str(wandb.setup().settings.base_url)


def _given_id() -> str | None:
    """The run that an agent of a W&B sweep has made already; it watches no other."""
    return os.environ.get("WANDB_RUN_ID") if os.environ.get("WANDB_SWEEP_ID") else None


def finish_wandb(
    summary: Mapping[str, Any],
    tables: Mapping[str, tuple[list[str], list[list[Any]]]],
    confusion: list[list[Any]],
    page: Path,
    log: Path,
    model: Path | None,
    exit_code: int,
) -> None:
    """Send the summary, the tables, page, log and model of the open run, and close it; nothing without one.

    Args:
        confusion: rows of (true label, predicted label, how often).
    """
    with contextlib.suppress(ImportError):
        import wandb

        run = wandb.run
        if run is None:
            return
        try:
            run.summary.update(redact(summary))
            for name, (columns, rows) in redact(tables).items():
                if rows:
                    run.log({name: wandb.Table(columns=columns, data=rows)})
            if confusion:
                run.log({"confusion_matrix": _confusion_chart(redact(confusion))})
            if page.is_file():
                run.log({"report": wandb.Html(redactor().known(page.read_text("utf8")), inject=False)})
            if log.is_file():
                _send_log(run, log)
            if model is not None and model.is_dir():
                artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata=redact(summary))
                artifact.add_dir(str(model))
                run.log_artifact(artifact)
        finally:
            run.finish(exit_code=exit_code)


def _send_log(run: Any, log: Path) -> None:
    """Under the name that W&B's page of logs looks for; W&B's own capture would take what was not redacted."""
    file = Path(run.dir) / "output.log"
    file.write_text(redactor().known(log.read_text("utf8")), encoding="utf8")
    run.save(str(file), base_path=run.dir, policy="now")


def _confusion_chart(rows: list[list[Any]]) -> Any:
    """W&B's own chart of that name, from counts instead of one line for each example."""
    import wandb

    names = ("Actual", "Predicted", "nPredictions")
    table = wandb.Table(columns=list(names), data=rows)
    title = {"title": "Confusion on the test split"}
    return wandb.plot_table("wandb/confusion_matrix/v1", table, {name: name for name in names}, title)


def log_table(
    columns: list[str], rows: list[list[Any]], *, entity: str | None, project: str, online: bool
) -> tuple[str, str]:
    """Log a table of runs as one W&B run of job type ``compare``; offline into the current folder.

    Returns:
        (the entity that it went to, where it can be looked at).
    """
    import wandb

    mode = "online" if online else "offline"
    quiet(mode)
    run = wandb.init(
        entity=entity,
        project=project,
        job_type="compare",
        mode=mode,
        settings=wandb.Settings(x_disable_meta=True, save_code=False, console="off", silent=True, init_timeout=20),
    )
    try:
        run.log({"runs": wandb.Table(columns=columns, data=redact(rows))})  # type: ignore[arg-type] - its annotation is narrow
        return run.entity, run.url or "" if online else str(Path(run.dir).parent)
    finally:
        run.finish()
