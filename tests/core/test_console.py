import subprocess
import sys
import time

from accel.core.console import Console


def test_says_to_the_terminal_and_the_log(tmp_path, capsys):
    console = Console(tmp_path)
    console.say("hello [bold]there[/bold]")
    try:
        raise ValueError("reason")
    except ValueError:
        console.record_traceback()
    console.close()
    out = capsys.readouterr().out
    log = (tmp_path / "log.txt").read_text()
    assert "hello [bold]there[/bold]" in out
    assert "hello" in log
    assert "ValueError: reason" in log
    assert "Traceback" not in out


def test_a_silent_one_writes_nowhere(capsys):
    console = Console(None, silent=True)
    console.say("hello")
    console.close()
    assert capsys.readouterr().out == ""


def test_another_rank_writes_into_its_own_log(tmp_path, capsys):
    console = Console(tmp_path, rank=3)
    console.say("hello")
    console.close()
    assert capsys.readouterr().out == ""
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("log.rank3.txt", "hello\n")]


def test_progress_says_every_tenth(tmp_path):
    assert len(_lines_of_progress(tmp_path, range(101))) == 11


def test_progress_estimates_from_the_first_step_and_counts_only_what_was_done_since(tmp_path, monkeypatch):
    """Two seconds a call: 50 of 100 steps are done before, by an earlier run that was stopped."""
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    first, second, last = _lines_of_progress(tmp_path, [51, 75, 100], done=50)
    assert first.endswith("work 51/100  about 1 min 38 s to go")
    assert second.endswith("work 75/100  about 4.0 s to go")
    assert last.endswith("work 100/100")


def _lines_of_progress(folder, steps, done=0):
    console = Console(folder)
    with console.progress("work", 100, done=done) as update:
        for step in steps:
            update(step)
    console.close()
    return (folder / "log.txt").read_text().splitlines()


def test_a_reader_that_leaves_does_not_end_the_work(tmp_path):
    program = (
        "import sys; from pathlib import Path; from accel.core.console import Console\n"
        "console = Console(Path(sys.argv[1]))\n"
        "for line in range(8000): console.say(f'line {line}')\n"
        "console.close()"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 0
    assert (tmp_path / "log.txt").read_text().endswith("line 7999\n")
