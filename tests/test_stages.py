from accel.cli import main
from accel.stages import scorer


def test_resume_without_a_checkpoint_is_refused(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    assert main([*tiny_run, f"resume={tmp_path / 'run'}"]) == 2
    assert "nothing can be resumed" in capsys.readouterr().out


def test_resume_of_something_else_is_refused(tmp_path, capsys):
    assert main([f"resume={tmp_path}"]) == 2
    assert "is no folder of a run" in capsys.readouterr().err


def test_a_scorer_scores_the_whole_test_split(tiny_run):
    from accel.compose import compose
    from accel.data.prepared import prepare
    from accel.plan import decide

    plan = decide(compose(tiny_run))
    data = prepare(plan.task.load(0), plan)
    report = scorer(data)(plan.model.network(data.objective))
    assert sum(map(sum, report.confusion_matrix)) == len(data.test)
