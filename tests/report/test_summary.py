""""""

from __future__ import annotations

from accel.report.record import new_record
from accel.report.summary import summary, table


def test_the_summary_is_flat_and_the_table_complete():
    side = {"metrics": {"accuracy": 0.8}, "cost": {"size_bytes": 9}}
    record = {**new_record([]), "before": side, "after": side, "measurement": {"size_ratio": 2.0}}
    record["techniques"] = [{"name": "prune", "evidence": {"removed_heads": 3, "units_per_block": {}}}]
    flat = summary(record)
    assert flat["after/accuracy"] == flat["before/accuracy"] == 0.8
    assert flat["prune/removed_heads"] == 3
    assert flat["size_ratio"] == 2.0
    assert table(record)[1] == [["accuracy", 0.8, 0.8], ["bytes to ship", 9.0, 9.0]]
