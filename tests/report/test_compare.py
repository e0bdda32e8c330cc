import json

from accel.cli import main
from accel.core.metric import ACCURACY, MACRO_F1, stated
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
    assert "More columns" not in out
    assert main(["compare", folder, "--columns", "acuracy"]) == 2
    assert main(["compare", folder, "--mean-over", "sed"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def at_80_columns(folder, capsys, monkeypatch, *flags):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare", str(folder), *flags]) == 0
    return capsys.readouterr().out


def test_80_columns_hold_the_figures_the_engine_and_what_tells_a_run(runs_of_a_sweep, capsys, monkeypatch):
    out = at_80_columns(runs_of_a_sweep(8), capsys, monkeypatch)
    table = [line for line in out.splitlines() if line[:1] in "┏┃┡│└"]
    assert max(len(line) for line in table) <= 80
    head = " ".join(table[1:3])
    assert [word for word in ("accuracy", "to ship", "p50", "run") if word not in head] == []
    assert "inductor int8" in out
    assert "│ prune" in out, "an option says by itself of which group it is"
    assert "More columns, by --columns: compression," in out


def test_the_engine_is_a_column_where_runs_differ_in_it(write_run, tmp_path, capsys, monkeypatch):
    other = {"latency_ms_p50": 1.0, "size_bytes": 1e6, "engine": "eager", "dtype": "float32"}
    write_run(tmp_path / "0", 0)
    write_run(tmp_path / "1", 1, after={"metrics": {"accuracy": 0.8}, "cost": other})
    table = at_80_columns(tmp_path, capsys, monkeypatch).split("* no other")[0]
    assert "eager float32" in table
    assert "inductor int8" in table


def test_refused_and_dead_runs_are_one_line(write_run, tmp_path, capsys, monkeypatch):
    for number, status in enumerate(("finished", "refused", "refused", "failed")):
        changes = {} if status == "finished" else {"status": status, "after": None, "error": f"reason {number}"}
        write_run(tmp_path / str(number), number, **changes)
    out = at_80_columns(tmp_path, capsys, monkeypatch)
    assert "2 refused: no figures, not shown; --all shows them." in out
    assert "reason 1" not in out
    assert "reason 3" in out, "what failed is told"
    everything = at_80_columns(tmp_path, capsys, monkeypatch, "--all")
    assert "reason 1" in everything
    assert "not shown" not in everything
    refused = at_80_columns(tmp_path, capsys, monkeypatch, "--filter", "status=refused")
    assert "reason 1" in refused, "where there is nothing else, they are shown"


def test_runs_of_other_machines_are_told_apart(write_run, tmp_path, capsys, monkeypatch):
    write_run(tmp_path / "0", 0, machine={"processor": "EPYC", "cores": 2})
    write_run(tmp_path / "1", 1, machine={"processor": "Xeon", "cores": 8})
    out = at_80_columns(tmp_path, capsys, monkeypatch)
    assert "A  airline; EPYC, 2 cores\nB  airline; Xeon, 8 cores" in out


PRICED = ["--price-per-cpu-hour", "0.05", "--requests-per-month", "1e6", "--cost-per-error", "0.01"]


def priced(folder, number, accuracy, latency, **changes):
    """A record that states what its metric counts, as those of this version do."""
    cost = {"latency_ms_p50": latency, "size_bytes": 1e6, "num_threads": 1, "engine": "eager", "dtype": "int8"}
    after = {"metrics": {"accuracy": accuracy}, "cost": cost}
    record = {**new_record([]), "name": f"run {number}", "status": "finished", "after": after}
    write_record(record | {"metrics": stated([ACCURACY]), "data": {"test": 500}} | changes, folder / str(number))


def test_prices_make_one_number_and_name_the_winner(tmp_path, capsys):
    priced(tmp_path, 0, 0.90, 400.0)
    priced(tmp_path, 1, 0.89, 10.0)
    priced(tmp_path, 2, 0.95, 1.0, metrics=stated([MACRO_F1]))
    page = tmp_path / "c.html"
    assert main(["compare", str(tmp_path), *PRICED, "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert "Cheapest: run 0, 1,006 a month (errors 1,000, compute 5.56)." in out
    assert "at 0 run 0; from 0.923 run 1." in out
    assert "No cost for 1 of the runs: nothing was scored on the test split." in out
    rows = [line for line in out.splitlines() if line.startswith("│") and "run " in line]
    assert [row.split()[-2] for row in rows] == ["0", "1", "2"], "the cheapest first"
    assert "—" in rows[2]
    text = page.read_text()
    assert "Cost a month over the price of a CPU hour" in text
    assert "Cheapest: run 0" in text
    assert main(["compare", str(tmp_path), "--html", str(page)]) == 0
    assert "CPU hour" not in page.read_text()
    assert "Cheapest" not in capsys.readouterr().out


def test_prices_that_tell_nothing_are_refused(tmp_path, capsys):
    priced(tmp_path, 0, 0.90, 4.0)
    assert main(["compare", str(tmp_path), *PRICED[:2]]) == 2
    assert "missing: --requests-per-month, --cost-per-error" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), *PRICED[:-1], "-3"]) == 2
    run(tmp_path / "old" / "a", "of an earlier version", 0.8)
    assert main(["compare", str(tmp_path / "old"), *PRICED]) == 2
    assert "None of these runs can be priced: accuracy is not stated" in capsys.readouterr().err
