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


def test_each_figure_is_that_of_its_own_side_and_a_search_is_told_of_validation():
    before = {"metrics": {"accuracy": 0.9}, "cost": {"size_bytes": 9}}
    after = {"metrics": {"accuracy": 0.8}, "validation": {"accuracy": 0.7}, "cost": {"size_bytes": 3}}
    record = {**new_record([]), "before": before, "after": after}
    flat = summary(record)
    assert (flat["before/accuracy"], flat["after/accuracy"], flat["after/validation_quality"]) == (0.9, 0.8, 0.7)
    assert (flat["before/size_bytes"], flat["after/size_bytes"]) == (9, 3)
    assert table(record)[1] == [["accuracy", 0.9, 0.8], ["bytes to ship", 9.0, 3.0]]


def test_the_classes_and_their_confusion_are_tables():
    from accel.report.summary import confusion, per_class

    classes = [{"label": "a", "recall": 0.5}, {"label": "b", "recall": 1.0}]
    record = {"after": {"per_class": classes, "confusion_matrix": [[1, 1], [0, 2]]}}
    assert per_class(record) == (["label", "recall"], [["a", 0.5], ["b", 1.0]])
    assert confusion(record) == [["a", "a", 1], ["a", "b", 1], ["b", "a", 0], ["b", "b", 2]]
    assert (per_class({}), confusion({})) == (([], []), [])
