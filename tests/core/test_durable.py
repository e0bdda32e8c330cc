import os
from pathlib import Path

import pytest

from accel.core.durable import write_durably


def test_the_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    """Negative control: without the first sync the name may come to the disk before the content."""
    done, sync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("sync"), sync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda file, to: (done.append("rename"), replace(file, to)))
    write_durably(tmp_path / "a.json", "é")
    assert done == ["sync", "rename", "sync"]
    assert [(p.name, p.read_text("utf8")) for p in tmp_path.iterdir()] == [("a.json", "é")]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    write_durably(tmp_path / "a.json", "old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.stat(tmp_path / "missing"))
    with pytest.raises(OSError):
        write_durably(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "old"
