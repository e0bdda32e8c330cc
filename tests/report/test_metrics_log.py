from accel.report.metrics_file import read_metrics
from accel.report.metrics_log import MetricsLog


def test_appends_and_remembers(tmp_path):
    path = tmp_path / "metrics.csv"
    log = MetricsLog(path)
    for step in range(3):
        log.log_metrics({"loss": 1.0 / (step + 1), "epoch": 0}, step)
    log.finalize("success")
    assert log.history() == {"loss": [1.0, 0.5, 1 / 3]}
    again = MetricsLog(path, resume_step=1)
    again.log_metrics({"loss": 9.0}, 1)
    again.finalize("success")
    assert read_metrics(path) == {"loss": [(0, 1.0), (1, 9.0)]}
    assert again.history() == {"loss": [1.0, 9.0]}


def test_without_a_path_it_only_remembers(tmp_path):
    log = MetricsLog(None)
    log.log_metrics({"loss": 1.0}, 0)
    assert log.history() == {"loss": [1.0]}
    assert (log.name, log.version) == ("metrics", 0)
