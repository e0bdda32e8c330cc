from accel.sweep.board import Board, say
from accel.sweep.record import Sweep


def test_one_line_per_job_and_what_is_running(tmp_path, capsys):
    sweep = Sweep(tmp_path)
    jobs = [sweep.job(["task=airline", f"seed={n}"]) for n in range(2)]
    jobs[0].status, jobs[0].seconds = "pruned", 2.0
    with Board(2) as board:
        board.show(sweep, [])
        board.ended(jobs[0], sweep)
    say("the end")
    assert capsys.readouterr().out.splitlines() == ["  [1/2] #0 pruned        2.0 s  seed=0", "the end"]
