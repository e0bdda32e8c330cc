from accel.cli import main


def test_resume_without_a_checkpoint_is_refused(tiny_run, tmp_path, capsys):
    assert main([*tiny_run, "trainer.max_steps=2"]) == 0
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    assert main([*tiny_run, f"resume={tmp_path / 'run'}"]) == 2
    assert "nothing can be resumed" in capsys.readouterr().out


def test_resume_of_something_else_is_refused(tmp_path, capsys):
    assert main([f"resume={tmp_path}"]) == 2
    assert "is no folder of a run" in capsys.readouterr().err
