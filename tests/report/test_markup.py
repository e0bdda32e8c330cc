from accel.report.markup import rows


def test_a_table_has_its_header_and_nothing_comes_of_nothing():
    table = rows(["", "a"], [["x", "1"], ["y", "2"]], css="heat")
    assert table.count("<tr>") == 3
    assert "<th>a</th>" in table
    assert 'class="heat"' in table
    assert rows(["a"], []) == ""
