from accel.data.read_table import read_table
from tests.data.table_files import ROWS, parquet, refusal, write


def test_parquet(tmp_path):
    table = read_table(str(parquet(tmp_path)), "task.train")
    assert table.rows == ROWS
    assert table.lines == [1, 2]


def test_truncated_parquet(tmp_path):
    whole = parquet(tmp_path).read_bytes()
    message = refusal(write(tmp_path, "cut.parquet", whole[: len(whole) // 2]))
    assert "cut.parquet" in message
    assert "cut short" in message


def test_duplicate_columns_of_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table([[1], [2]], names=["text", "text"]), tmp_path / "twins.parquet")
    assert "'text'" in refusal(tmp_path / "twins.parquet")


def test_values_of_parquet_that_python_cannot_hold(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    exact, far = pa.array([1, 1001], pa.timestamp("ns")), pa.array([2**62, 5], pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["a", "b"], "exact": exact, "far": far}), tmp_path / "times.parquet")
    table = read_table(str(tmp_path / "times.parquet"), "task.train", columns=["text"])
    assert table.rows == [{"text": "a"}, {"text": "b"}]
    assert table.columns == ["text", "exact", "far"]
    whole = read_table(str(tmp_path / "times.parquet"), "task.train")
    assert str(whole.rows[0]["exact"]).endswith("00:00:00.000000001")
    assert len(whole.column("far", "task.text")) == 2


def test_of_parquet_only_the_groups_of_rows_that_are_wanted_are_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([{"n": n} for n in range(100)]), file, row_group_size=10)
    assert read_table(str(file), "task.train", first=15).column("n", "task.text") == list(range(15))
    assert len(read_table(str(file), "task.train", first=200).rows) == 100
