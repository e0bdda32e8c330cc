import json

from accel.cli import main
from accel.report.record import new_record, write_record


def run(folder, name, accuracy):
    cost = {"latency_ms_p50": 1.0, "size_bytes": 1e6, "engine": "eager", "dtype": "int8"}
    after = {"metrics": {"accuracy": accuracy, "macro_f1": 0.5}, "cost": cost}
    write_record({**new_record([]), "name": name, "status": "finished", "after": after}, folder)


def test_prints_writes_and_leaves_out(tmp_path, capsys):
    run(tmp_path / "a", "first", 0.8)
    run(tmp_path / "b", "second", 0.9)
    words = [str(tmp_path), "--html", str(tmp_path / "c.html"), "--csv", str(tmp_path / "c.csv")]
    assert main(["compare", *words]) == 0
    out = capsys.readouterr().out
    assert "0.9000" in out
    assert (tmp_path / "c.html").is_file()
    assert "0.8" in (tmp_path / "c.csv").read_text()


def test_mistakes_are_told(tmp_path, capsys):
    assert main(["compare", str(tmp_path)]) == 2
    assert main(["compare", str(tmp_path / "nowhere")]) == 2
    run(tmp_path / "a", "first", 0.8)
    assert main(["compare", "--nonsense"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_damaged_record_is_left_out_and_told(tmp_path, capsys):
    run(tmp_path / "a", "first", 0.8)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "result.json").write_text(json.dumps([1]))
    assert main(["compare", str(tmp_path)]) == 0
    assert "left out" in "".join(capsys.readouterr())


def test_rows_and_columns_are_chosen(runs_of_a_sweep, capsys):
    folder = str(runs_of_a_sweep(8))
    words = ["--filter", "compression=prune*", "--columns", "run,accuracy", "--sort", "accuracy"]
    assert main(["compare", folder, *words]) == 0
    out = capsys.readouterr().out
    assert "prune+qat" in out
    assert "none" not in out
    assert "latency" not in out.split("* no other")[0]
    assert main(["compare", folder, "--columns", "acuracy"]) == 2
    assert main(["compare", folder, "--mean-over", "sed"]) == 2
    assert "Traceback" not in capsys.readouterr().err
