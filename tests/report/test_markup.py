from accel.report.markup import document, rows


def test_a_table_has_its_header_and_nothing_comes_of_nothing():
    table = rows(["", "a"], [["x", "1"], ["y", "2"]], css="heat")
    assert table.count("<tr>") == 3
    assert "<th>a</th>" in table
    assert 'class="heat"' in table
    assert rows(["a"], []) == ""


def test_a_page_loads_nothing_and_runs_nothing():
    page = document("a title", "<h1>x</h1>")
    assert "<title>a title</title>" in page
    assert "default-src 'none'" in page
    assert "<main><h1>x</h1></main>" in page
