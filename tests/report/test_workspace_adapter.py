import pytest

from accel.report.view import View

adapter = pytest.importorskip("accel.report.workspace_adapter")


@pytest.fixture
def view():
    return View(
        settings=("compression", "compression.prune.sparsity"),
        quality="after/accuracy",
        costs=("after/latency_ms_p50", "privacy/epsilon"),
        curves=("train/loss",),
        tables=("runs",),
    )


def test_settings_are_flat_keys_in_the_view(view):
    columns = adapter.sections(view)[0].panels[-1]._to_model().config.columns
    assert [c.accessor for c in columns] == [
        "config:compression.value", "config:compression.prune.sparsity.value",
        "summary:after/latency_ms_p50", "summary:privacy/epsilon", "summary:after/accuracy",
    ]  # fmt: skip


def test_a_section_each_for_trade_offs_curves_and_tables(view):
    first, curves, tables = adapter.sections(view)
    assert [panel.title for panel in first.panels[:-1]] == [
        "after/accuracy over after/latency_ms_p50", "after/accuracy over privacy/epsilon",
    ]  # fmt: skip
    assert [panel.y for panel in curves.panels] == [["train/loss"]]
    assert [panel.table_name for panel in tables.panels] == ["runs"]
