from accel.sweep.sweeper import GridSweeper


class Recorder:
    def launch(self, jobs, initial_job_idx):
        return jobs, initial_job_idx


def test_hands_the_whole_grid_over_at_once():
    sweeper = GridSweeper({"seed": "0,1"})
    sweeper.launcher = Recorder()
    assert sweeper.sweep(["trainer.epochs=1,2"])[0] == [
        ["seed=0", "trainer.epochs=1"], ["seed=0", "trainer.epochs=2"],
        ["seed=1", "trainer.epochs=1"], ["seed=1", "trainer.epochs=2"],
    ]  # fmt: skip
    assert GridSweeper(None).params == {}
