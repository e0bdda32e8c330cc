"""``accel compare --wandb``: the table as a W&B run, and a saved view of the project with the charts of the page."""

from __future__ import annotations

import os
from collections.abc import Sequence

from accel.core.extras import install_words, is_installed
from accel.report.columns import Column, Row, Value
from accel.report.comparison import Comparison
from accel.report.records import Recorded
from accel.report.settings import project_of
from accel.report.view import view_of

VIEW = "accel: quality and cost"


def _of_one_kind(column: Column, rows: Sequence[Row]) -> list[Value]:
    """A column's values: W&B refuses a table where one has numbers and words, such as 8 and null."""
    values = [row.get(column.key) for row in rows]
    if any(isinstance(value, str) for value in values):
        return [None if row.get(column.key) is None else column.show(row) for row in rows]
    return values


def send(table: Comparison, runs: Sequence[Recorded]) -> str:
    """Log the table, and online save the view; returns what to tell the user.

    Online is what WANDB_MODE=online says. The project is WANDB_PROJECT, else that of the runs, else ``accel``.
    """
    from accel.tracker._wandb import log_table

    entity, project = project_of(runs)
    entity, project = os.environ.get("WANDB_ENTITY") or entity, os.environ.get("WANDB_PROJECT") or project or "accel"
    online = os.environ.get("WANDB_MODE") == "online"
    columns = table.columns
    cells = zip(*(_of_one_kind(column, table.rows) for column in columns), strict=True)
    rows = [list(row) for row in cells]
    entity, place = log_table([c.key for c in columns], rows, entity=entity, project=project, online=online)
    if not online:
        return f"W&B: {place} (send it with 'wandb sync'; with WANDB_MODE=online a workspace view is saved too)"
    if not is_installed("wandb_workspaces"):
        return f"W&B: {place}\nFor a workspace view: {install_words('workspace')}"
    from accel.report.workspace_adapter import save_view

    return f"W&B: {place}\nWorkspace: {save_view(view_of(table), name=VIEW, entity=entity, project=project)}"
