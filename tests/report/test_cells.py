import pytest

from accel.report.cells import safe_cell


@pytest.mark.fault("X6")
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "|cmd", "%x"])
def test_what_a_spreadsheet_would_run_is_quoted(text):
    assert safe_cell(text) == f"'{text}"


def test_numbers_and_words_stay():
    assert [safe_cell(v) for v in (-1.5, 3, None, "minilm", "a=b")] == ["-1.5", "3", "", "minilm", "a=b"]
