from accel.core.metric import ACCURACY, stated
from accel.report.best import best_sentence

BEST = {"steps": [20], "quality": 0.875, "best_single": 0.875, "stopped_early": True, "validations": [{}, {}, {}]}


def test_says_which_step_was_best_and_whether_training_stopped():
    record = {"metrics": stated([ACCURACY]), "steps": 30, "best": BEST}
    assert best_sentence(record).strip() == (
        "Stopped early, after step 30. The weights are those of step 20, the best of 3 validations (accuracy 0.8750)."
    )
    record["best"] = BEST | {"stopped_early": False}
    assert "Stopped" not in best_sentence(record)


def test_says_what_was_averaged():
    best = BEST | {"steps": [20, 30], "quality": 0.9}
    assert (
        best_sentence({"metrics": stated([ACCURACY]), "steps": 30, "best": best})
        .strip()
        .endswith(
            "the mean of those of step 20, the best of 3 validations (accuracy 0.8750), and of step 30: together 0.9000."
        )
    )
