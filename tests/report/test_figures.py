import pytest

from accel.report.figures import (
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
    wilson_interval,
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


@pytest.mark.parametrize(
    ("factor", "told"), [(1.0, ""), (1.25, ""), (15.8, "by a factor 16"), (0.065, "by a factor 15")]
)
def test_times_of_a_busy_machine_are_told_to_say_little(factor, told):
    text = headline({"after": side(0.841, 4), "measurement": {"noise_ratio": factor}})
    assert ("THE MACHINE WAS BUSY" in text) == bool(told)
    assert told in text


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


def learned(matrix, accuracy):
    recalls = [row[n] / max(1, sum(row)) for n, row in enumerate(matrix)]
    classes = [{"label": "abc"[n], "recall": r, "support": sum(matrix[n])} for n, r in enumerate(recalls)]
    return {"after": {**side(accuracy, 4), "per_class": classes, "confusion_matrix": matrix}}


def test_a_model_that_answers_one_label_alone_learned_nothing():
    text = headline(learned([[0, 10], [0, 90]], 0.9))
    assert "IT LEARNED NOTHING: only 'b' is ever right (recall 0 for the other 1)" in text
    assert "scores 0.83 to 0.94 (95 % interval)" in text
    assert "no class is ever found" in headline(learned([[0, 10], [90, 0]], 0.0))


def test_a_model_that_may_be_no_better_than_guessing_is_told_so():
    text = headline(learned([[5, 5], [10, 80]], 0.85))
    assert "always guessing 'b', which is right in 0.9000 of all cases: it is right in 0.77 to 0.91 (95 %" in text


def test_a_model_that_learned_is_left_alone():
    """Negative control."""
    for text in (headline(learned([[45, 5], [5, 45]], 0.9)), headline({"after": side(0.9, 4)})):
        assert "LEARNED NOTHING" not in text
        assert "GUESSING" not in text.upper()


def test_the_interval_of_a_share_is_wilsons():
    assert [round(x, 4) for x in wilson_interval(9, 10)] == [0.5958, 0.9821]
    assert wilson_interval(0, 10)[0] == 0.0
