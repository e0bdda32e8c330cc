from io import StringIO

from rich.console import Console

from accel.report.terminal import before_after_table, exported_files, time_table


def cost(engine, dtype, latency):
    return {"engine": engine, "dtype": dtype, "latency_ms_p50": latency, "size_bytes": 1e6}


def drawn(record):
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(before_after_table(record))
    return console.export_text()


def test_shows_the_plain_dense_model_the_best_dense_engine_and_the_result():
    eager, best, after = (
        cost("eager", "float32", 20.0),
        cost("inductor", "float32", 10.0),
        cost("inductor", "int8", 4.0),
    )
    record = {
        "name": "run",
        "before": {"metrics": {"accuracy": 0.845}, "cost": best, "engines": [eager, best]},
        "after": {"metrics": {"accuracy": 0.841}, "cost": after, "engines": [after]},
    }
    text = drawn(record)
    for expected in ("dense", "best dense", "after", "eager", "inductor", "20.00 ms", "5.00x faster", "-0.40 points"):
        assert expected in text


def test_four_columns_fit_into_eighty_characters():
    eager, best = cost("eager", "float32", 118.42), cost("onnxruntime", "bfloat16", 114.67)
    side = {"metrics": {"accuracy": 0.8430}, "cost": best, "engines": [eager, best]}
    table = before_after_table({"name": "run", "before": side, "after": side})
    assert table is not None
    console = Console(width=80, file=StringIO())
    assert console.measure(table).minimum <= 80
    console.print(table)
    assert "…" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_every_file_fits_into_eighty_characters():
    figures = {"latency_ms_p50": 118.42, "cold_load_ms": 1361.0, "cold_load_imports_ms": 1204.0}
    metrics = {"accuracy": 0.8430, "macro_f1": 0.7928, "loss": 0.4}
    exports = [
        {"format": "safetensors", "path": "model", "size_bytes": 90e6, "max_abs_diff": 0.0, "metrics": metrics},
        {"format": "openvino-int8", "path": "m.xml", "size_bytes": 90e6, "max_abs_diff": 0.0, "metrics": metrics}
        | figures,
    ]
    table = exported_files({"exports": exports})
    assert table is not None
    console = Console(width=80, file=StringIO())
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    for expected in ("openvino-int8", "118.42 ms", "1.36 s (1.20)", "without accel"):
        assert expected in text


def test_one_file_alone_needs_no_table():
    only = {"format": "safetensors", "path": "model", "size_bytes": 90e6, "max_abs_diff": 0.0, "metrics": {}}
    assert exported_files({"exports": [only]}) is None


def test_without_a_before_there_is_one_column():
    text = drawn({"name": "run", "after": {"metrics": {"accuracy": 0.8}, "cost": {}, "engines": []}})
    assert "change" not in text
    assert "0.8000" in text
    assert before_after_table({"after": None}) is None


def columns(table):
    return [[column.header, *column.cells] for column in table.columns]


def test_every_figure_stands_under_its_own_side_and_the_change_goes_from_the_first_to_the_last():
    eager, best, after = (
        cost("eager", "float32", 20.0) | {"throughput_per_s": 50.0, "size_bytes": 90e6},
        cost("inductor", "float32", 10.0) | {"throughput_per_s": 100.0, "size_bytes": 91e6},
        cost("inductor", "int8", 4.0) | {"throughput_per_s": 200.0, "size_bytes": 30e6},
    )
    record = {
        "before": {"metrics": {"accuracy": 0.845, "loss": 0.5}, "cost": best, "engines": [best, eager]},
        "after": {"metrics": {"accuracy": 0.841, "loss": 0.4}, "cost": after, "engines": [after]},
    }
    table = before_after_table(record)
    assert table is not None
    assert columns(table) == [
        ["", "accuracy", "loss", "bytes to ship", "latency p50", "throughput"],
        ["dense\neager\nfloat32", "0.8450", "0.5000", "90.0 MB", "20.00 ms", "50 /s"],
        ["best dense\ninductor\nfloat32", "0.8450", "0.5000", "91.0 MB", "10.00 ms", "100 /s"],
        ["after\ninductor\nint8", "0.8410", "0.4000", "30.0 MB", "4.00 ms", "200 /s"],
        ["change", "-0.40 points", "-0.1000", "3.00x smaller", "5.00x faster", "4.00x more"],
    ]


def test_where_the_time_went():
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(time_table({"seconds": 100.0, "timings": {"fit": 75.0, "measure": 20.0}}))
    text = " ".join(console.export_text().split())
    assert "Time: 1 min 40 s" in text
    assert "fit 1 min 15 s 75%" in text
    assert "the rest 5.0 s 5%" in text
    assert time_table({"timings": {}}) is None
