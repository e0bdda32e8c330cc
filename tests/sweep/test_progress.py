from accel.sweep.progress import SweepProgress, say
from accel.sweep.record import Sweep


def test_one_line_per_job_and_what_is_running(tmp_path, capsys):
    sweep = Sweep(tmp_path)
    jobs = [sweep.job(["task=airline", f"seed={n}"]) for n in range(2)]
    jobs[0].status, jobs[0].seconds = "pruned", 2.0
    with SweepProgress(2) as board:
        board.show(sweep, [])
        board.ended(jobs[0], sweep)
    say("the end")
    assert capsys.readouterr().out.splitlines() == ["  [1/2] #0 pruned        2.0 s  seed=0", "the end"]


def test_each_refusal_is_told_once_with_its_reason(tmp_path, capsys):
    sweep = Sweep(tmp_path)
    with SweepProgress(3) as board:
        for number in range(2):
            job = sweep.job([f"seed={number}"])
            job.status, job.error = "refused", f"reason {number}\nremedy"
            board.refused(sweep)
            board.refused(sweep)
    assert capsys.readouterr().out.splitlines() == [
        "  #0 refused  seed=0", "      reason 0", "  #1 refused  seed=1", "      reason 1",
    ]  # fmt: skip
