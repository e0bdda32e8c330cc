from accel.report.comparison import compare_runs
from accel.report.records import find
from accel.report.view import view_of


def test_epsilon_is_a_cost_only_where_a_run_is_private(write_run, tmp_path):
    for number in range(3):
        write_run(tmp_path / "runs" / str(number), number, privacy=None)
    open_runs = view_of(compare_runs(find([tmp_path / "runs"])[0]))
    assert "privacy/epsilon" not in open_runs.costs
    write_run(tmp_path / "runs" / "3", 3, privacy={"epsilon": 2.0})
    assert "privacy/epsilon" in view_of(compare_runs(find([tmp_path / "runs"])[0])).costs
