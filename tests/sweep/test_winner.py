from accel.core.metric import ACCURACY, LOSS, stated
from accel.sweep.record import Sweep
from accel.sweep.winner import winner_lines


def swept(folder, scores):
    """A sweep of finished jobs; the test split would choose the other way round."""
    sweep = Sweep(folder)
    for n, (accuracy, latency) in enumerate(scores):
        job = sweep.job([f"seed={n}", "task=airline"])
        job.status = "finished"
        after = {"validation": {"accuracy": accuracy}, "metrics": {"accuracy": 1 - accuracy}}
        cost = {"latency_ms_p50": latency, "size_bytes": 17_300_000}
        job.result = {"status": "finished", "metrics": stated([ACCURACY, LOSS]), "after": {**after, "cost": cost}}
    return sweep


def test_the_best_by_validation_is_named_with_what_tells_it_from_the_others(tmp_path):
    sweep = swept(tmp_path, [(0.8, 5), (0.9, 9), (0.7, 1)])
    lines = winner_lines(sweep, {"search": "tpe", "objectives": ["quality"]})
    assert lines[0] == "Best of 3 finished: #1 seed=1  validation accuracy 0.9000"
    assert lines[-1].strip() == str(sweep.jobs[1].folder)


def test_of_equals_the_first_is_named_and_the_others_are_counted(tmp_path):
    lines = winner_lines(swept(tmp_path, [(0.9, 5), (0.9, 9)]), {"search": "tpe", "objectives": ["quality"]})
    assert lines[0].endswith("validation accuracy 0.9000, and 1 more that are as good")


def test_of_several_wishes_those_are_named_that_are_beaten_in_nothing(tmp_path):
    sweep = swept(tmp_path, [(0.8, 5), (0.9, 9), (0.7, 6)])
    lines = winner_lines(sweep, {"search": "nsga2", "objectives": ["quality", "latency_ms_p50", "size_bytes"]})
    assert lines[0] == "Beaten in nothing, 2 of 3 finished:"
    assert lines[1].strip() == "#0 seed=0  validation accuracy 0.8000, latency_ms_p50 5.0000, size_bytes 17,300,000"
    assert lines[2].strip().startswith("#1")


def test_a_long_front_is_cut(tmp_path):
    sweep = swept(tmp_path, [(n / 10, n) for n in range(8)])
    lines = winner_lines(sweep, {"search": "nsga2", "objectives": ["quality", "latency_ms_p50"]})
    assert lines[6].strip() == "and 3 more"


def test_a_grid_and_a_search_without_a_finished_job_name_nobody(tmp_path):
    """A grid has no wish, and whoever chose by its test split would flatter the choice."""
    assert winner_lines(swept(tmp_path, [(0.8, 5)]), {"search": None, "objectives": ["quality"]}) == []
    assert winner_lines(Sweep(tmp_path), {"search": "tpe", "objectives": ["quality"]}) == []
