import json

import pytest

from accel.core.meta import META, Meta
from accel.core.seen import Seen
from accel.errors import DataError
from accel.weights.meta import artifact_folder, read_meta


def test_a_run_s_folder_and_its_model_folder_are_the_same_model(tmp_path):
    (tmp_path / "model").mkdir()
    assert artifact_folder(tmp_path) == artifact_folder(tmp_path / "model") == tmp_path / "model"


def test_what_older_versions_did_not_note_has_a_default(tmp_path):
    (tmp_path / META).write_text(json.dumps({"label_names": ["a"], "max_length": 8}))
    assert read_meta(tmp_path) == Meta(["a"], 8)
    assert (read_meta(tmp_path).trained_on, read_meta(tmp_path).private) == ((), False)
    (tmp_path / META).write_text(json.dumps({"label_names": ["a"], "max_length": 8, "trained_on": "data.csv"}))
    assert read_meta(tmp_path).trained_on == (Seen("data.csv"),)  # a name, and nothing that confirms it


@pytest.mark.parametrize("content", [None, "{", '{"label_names": []}', '{"unknown": 1}', "[]"])
def test_a_damaged_note_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / META).write_text(content)
    with pytest.raises(DataError, match="holds no exported model"):
        read_meta(tmp_path)


def test_reading_it_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, accel.weights.meta; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
