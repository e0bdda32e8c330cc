from accel.data.read_table import read_table
from tests.data.table_files import write


def test_line_separators_that_json_allows_in_strings_split_no_line(tmp_path):
    file = write(tmp_path, "data.jsonl", '{"text": "one\u2028two\x85three", "label": 1}\n')
    table = read_table(str(file), "task.train")
    assert table.rows == [{"text": "one\u2028two\x85three", "label": 1}]
