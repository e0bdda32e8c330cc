from accel.report.columns import COSTS, DRIFT, FAIRNESS, FEDERATION, MONEY, NO_BILL, OF_GROUPS, Column


def test_a_figure_is_read_as_its_column_says_and_a_mean_has_its_deviation():
    share = Column("x", "x", "{:.2f}".format)
    assert share.show({"x": 0.5}) == "0.50"
    assert share.show({"x": 0.5, "x_sd": 0.25}) == "0.50 ± 0.25"
    assert share.show({}) == ""
    assert Column("x", "x").show({"x": "word"}) == "word"
    assert MONEY[0].show({MONEY[0].key: 1.0, NO_BILL: "no price"}) == "—"


def test_keys_are_told_apart_and_each_figure_has_a_place_in_the_record():
    figures = (*COSTS, *DRIFT, *FAIRNESS, *FEDERATION)
    keys = [column.key for column in (*MONEY, *figures)]
    assert len(keys) == len(set(keys))
    assert all(column.path for column in figures)
    assert set(OF_GROUPS) < set(FAIRNESS)
