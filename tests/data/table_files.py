"""Files of the same two rows, and how they are read."""

import json

import pytest

from accel.data.read_table import read_table
from accel.errors import DataError, ExitCode

ROWS = [{"text": "good", "label": 1}, {"text": "bad, really", "label": 0}]
CSV = 'text,label\ngood,1\n"bad, really",0\n'
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS)


def write(folder, name, content):
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def parquet(folder, name="data.parquet"):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / name
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file


def table_of(folder, name, content, **options):
    return read_table(str(write(folder, name, content)), "task.train", **options)


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_table(str(path), "task.train")
    assert caught.value.exit_code == ExitCode.REFUSED
    assert "\n" not in str(caught.value), "one paragraph"
    return str(caught.value)
