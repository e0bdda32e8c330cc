"""Saves a workspace view in W&B. The only file that touches wandb-workspaces."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from accel.report.view import View


def save_view(view: View, *, name: str, entity: str, project: str) -> str:
    """Save the view under its name; returns its address."""
    workspace = ws.Workspace(entity=entity, project=project, name=name, sections=sections(view))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        workspace.save()
    return str(workspace.url)


def sections(view: View) -> list[ws.Section]:
    """Trade-offs, settings beside figures, curves, and the tables."""
    figure = wr.SummaryMetric
    trade_offs: list[Any] = [
        wr.ScatterPlot(title=f"{view.quality} over {cost}", x=figure(cost), y=figure(view.quality), running_ymax=True)
        for cost in view.costs
    ]
    columns = [
        *(_Setting(metric=wr.Config(key), display_name=key) for key in view.settings),
        *(wr.ParallelCoordinatesPlotColumn(metric=figure(key)) for key in (*view.costs, view.quality)),
    ]
    parallel = _Parallel(title="Settings and figures", columns=columns)
    curves = [wr.LinePlot(title=name, x="trainer/global_step", y=[name]) for name in view.curves]
    tables = [wr.WeavePanelSummaryTable(table_name=name) for name in view.tables]
    return [
        ws.Section(name="Quality and cost", panels=[*trade_offs, parallel], is_open=True),
        ws.Section(name="Curves", panels=[*curves], is_open=True),
        ws.Section(name="Tables", panels=[*tables], is_open=True),
    ]


_Setting = wr.ParallelCoordinatesPlotColumn


class _Parallel(wr.ParallelCoordinatesPlot):
    """Reads ``trainer.epochs`` as one key: accel logs settings flat, the library takes dots for nested ones."""

    def _to_model(self) -> Any:
        panel = super()._to_model()
        for given, column in zip(self.columns, panel.config.columns, strict=True):
            if isinstance(given.metric, wr.Config):
                column.accessor = f"config:{given.metric.name}.value"
        return panel
