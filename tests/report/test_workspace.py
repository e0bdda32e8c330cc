import pytest

from accel.report import workspace
from accel.report.comparison import compare_runs
from accel.report.records import Recorded, find
from accel.report.view import view_of


@pytest.fixture
def sent(monkeypatch):
    """What is logged, instead of logging it."""
    told = []

    def log_table(columns, rows, **where):
        told.append((columns, rows, where))
        return "team", "somewhere"

    monkeypatch.setattr("accel.tracker._wandb.log_table", log_table)
    for variable in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(variable, raising=False)
    return told


@pytest.fixture
def some(runs_of_a_sweep):
    """(comparison, runs) of eight."""
    runs: list[Recorded] = find([runs_of_a_sweep(8)])[0]
    return compare_runs(runs), runs


def test_the_view_has_what_differs_and_what_was_measured(some):
    view = view_of(some[0])
    assert view.settings == ("compression", "compression.prune.sparsity")
    assert view.costs == ("after/latency_ms_p50", "after/size_bytes", "privacy/epsilon")


def test_offline_the_table_waits_for_a_sync(some, sent):
    assert "wandb sync" in workspace.send(*some)
    ((columns, rows, where),) = sent
    assert "accuracy" in columns
    assert len(rows) == 8
    assert where == {"entity": None, "project": "accel", "online": False}


def test_online_a_missing_package_is_told(some, sent, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_PROJECT", "p")
    monkeypatch.setattr(workspace, "is_installed", lambda name: False)
    assert "[workspace]" in workspace.send(*some)
    assert sent[0][2] == {"entity": None, "project": "p", "online": True}


def test_a_setting_that_is_null_in_some_runs_makes_a_table(write_run, tmp_path, sent):
    """W&B reads a column's kind off its first rows, and refuses a word among numbers."""
    import wandb

    for number, size in enumerate((8, None, 4)):
        write_run(tmp_path / str(number), number, settings={"trainer.batch_size": size})
    runs = find([tmp_path])[0]
    table = compare_runs(runs)
    workspace.send(table, runs)
    ((columns, rows, _),) = sent
    assert len(wandb.Table(columns=columns, data=rows).data) == 3
    mixed = [[row.get(column.key) for column in table.columns] for row in table.rows]
    with pytest.raises(TypeError):
        wandb.Table(columns=columns, data=mixed)
