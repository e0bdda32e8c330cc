from accel.report.figures import (
    beside,
    bytes_text,
    count_text,
    difference,
    eager_of,
    engine_of,
    faster,
    headline,
    metric_text,
    more,
    ms_text,
    points,
    rate_text,
    rows_of,
    smaller,
    value_of,
)


def side(accuracy, latency, engine="inductor", dtype="int8"):
    cost = {"latency_ms_p50": latency, "engine": engine, "dtype": dtype, "size_bytes": 1e6}
    eager = {**cost, "engine": "eager", "dtype": "float32", "latency_ms_p50": 3 * latency}
    return {"metrics": {"accuracy": accuracy}, "cost": cost, "engines": [cost, eager]}


def test_units_are_human():
    assert bytes_text(91_600_000) == "91.6 MB"
    assert bytes_text(900) == "0.9 kB"
    assert [count_text(v) for v in (22.7e6, 2.9e9, 1500, 12)] == ["22.7 M", "2.9 G", "1.5 k", "12"]
    assert (metric_text(0.84521), ms_text(5.664), rate_text(176.4)) == ("0.8452", "5.66 ms", "176 /s")


def test_changes_have_a_direction():
    assert points(0.841, 0.845) == "-0.40 points"
    assert difference(0.5, 0.4) == "+0.1000"
    assert smaller(10, 50) == "5.00x smaller"
    assert faster(2, 10) == "5.00x faster"
    assert more(10, 5) == "2.00x more"


def test_a_ratio_is_never_a_part_of_one():
    assert (smaller(12, 10), faster(13, 10), more(5, 10)) == ("1.20x larger", "1.30x slower", "2.00x less")
    assert smaller(1000, 1001) == faster(5, 5) == more(7, 7) == "the same"
    assert smaller(0, 5) == faster(0, 5) == more(5, 0) == ""


def test_the_headline_tells_it_in_one_sentence():
    found = {"size_ratio": 5, "speedup_vs_eager": 9.8, "verdict": "No speed-up on this machine."}
    record = {"before": side(0.845, 20), "after": side(0.841, 4), "measurement": found}
    text = headline(record)
    assert "0.8450 -> 0.8410 (-0.40 points). Against the dense model in eager float32: size 5.00x smaller" in text
    assert "latency 9.80x faster. No speed-up" in text
    assert text.endswith("No speed-up on this machine.")
    del found["speedup_vs_eager"]
    found["size_ratio_over"] = "onnxruntime int8"
    assert "Against the dense model in onnxruntime int8: size 5.00x smaller" in headline(record)
    assert "4.00 ms" in headline({"after": side(0.841, 4)})
    assert headline({"name": "x", "status": "refused"}) == "x: refused."
    record["techniques"] = [{"name": "mask", "caveat": "Zeros are not speed."}, {"name": "full", "caveat": ""}, {}]
    assert headline(record).endswith("Zeros are not speed.")


def test_sides_are_read_safely():
    assert eager_of(side(0.8, 2))["cost"]["latency_ms_p50"] == 6
    assert eager_of(None) is None
    assert engine_of(side(0.8, 2)) == "inductor int8"
    assert engine_of({}) == ""
    assert value_of(None, rows_of({"after": side(0.8, 2)})[0]) is None
    assert value_of(side(0.8, 2), rows_of({"after": side(0.8, 2)})[0]) == 0.8


def test_what_reading_nothing_reaches_is_told_in_the_metrics_of_the_record():
    metrics = [{"key": "rmse", "title": "RMSE"}, {"key": "loss", "title": "loss"}]
    record = {"metrics": metrics, "baselines": [{"name": "always the mean", "metrics": {"rmse": 1.25}}]}
    assert beside(record) == ["Without reading, always the mean: RMSE 1.2500."]
    assert beside({"metrics": metrics}) == []
