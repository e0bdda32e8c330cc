import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import accel
from accel import api
from accel.api import Fields, Record, Runs
from accel.errors import ConfigError, Interrupted, RefusedError, RunError
from tests.conftest import tiny_words
from tests.report.conftest import one_run


def test_importing_accel_and_its_functions_brings_no_torch_and_no_hydra():
    program = "import sys, accel; assert not {'torch', 'hydra', 'omegaconf', 'numpy'} & {*sys.modules}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_part_of_a_record_is_read_either_way():
    part = Fields(after=Fields(metrics=Fields(accuracy=0.9)))
    assert part.after.metrics.accuracy == part["after"]["metrics"]["accuracy"] == 0.9
    assert "after" in dir(part)
    with pytest.raises(AttributeError, match="no 'befor'. It has: after"):
        _ = part.befor


def test_a_run_is_read_from_its_folder(tmp_path):
    record = Record.read(one_run(tmp_path / "0", 0) / "result.json")
    assert record.folder == tmp_path / "0"
    assert record.after.cost.engine == "inductor"
    assert "Accuracy 0.8" in repr(record)


@pytest.fixture
def at_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_refused_run_raises_its_reason_and_a_failed_one_too(at_home, monkeypatch, capfd):
    with pytest.raises(RefusedError, match=r"Did you mean 'tiny_bert'"):
        accel.run("model=tiny_bret")
    assert "tiny_bert" in capfd.readouterr().out, "and it was printed as it came"
    monkeypatch.setattr(api, "_execute", lambda words: (3, "the loss is nan"))
    with pytest.raises(RunError, match="the loss is nan"):
        accel.run("model=tiny_bert")
    monkeypatch.setattr(api, "_execute", lambda words: (130, ""))
    with pytest.raises(Interrupted, match=r"resume=.*outputs"):
        accel.run("model=tiny_bert")


def test_the_words_say_where_it_is(at_home, monkeypatch):
    asked = []
    monkeypatch.setattr(api, "_execute", lambda words: asked.append(words) or (3, "no"))
    (at_home / "it's $here").mkdir()
    (at_home / "it's $here" / "file").touch()
    for words in (["hydra.run.dir='it\\'s $here'"], ["resume=there"], []):
        with pytest.raises(RunError):
            accel.run("model=tiny_bert", *words)
    assert asked[0][-1] == f"hydra.run.dir='{at_home}/it\\'s $here-1'", "it was taken"
    assert asked[1] == ["model=tiny_bert", "resume=there"]
    assert asked[2][-1].startswith(f"hydra.run.dir='{at_home}/outputs/")


def test_an_interrupt_is_handed_on_and_heard_out(monkeypatch, tmp_path):
    """The child says when it has begun; the interrupt comes while its next line is waited for."""
    (tmp_path / "accel.py").write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('saved', flush=True), sys.exit(130)))\n"
        "print('begun', flush=True)\ntime.sleep(30)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seen = []

    def interrupting(text, **_):
        seen.append(text)
        if text == "begun\n":
            raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", interrupting)
    began = time.monotonic()
    assert api._execute([]) == (130, "saved")
    assert seen == ["begun\n", "saved\n"]
    assert time.monotonic() - began < 20


@pytest.fixture
def four_runs(tmp_path):
    folders = [one_run(tmp_path / str(number), number) for number in range(4)]
    return folders[0].parent


def test_runs_are_a_table_that_prints(four_runs):
    table = accel.runs(four_runs)
    assert isinstance(table, Runs)
    assert len(table) == 4
    assert table[0]["accuracy"] == pytest.approx(0.84, abs=0.02)
    assert "accuracy" in repr(table)
    assert "prune+qat" in repr(table)


def test_runs_are_a_frame_where_pandas_is_installed(four_runs, monkeypatch):
    frame = SimpleNamespace(DataFrame=lambda rows, columns: (columns, rows), __spec__=object())
    monkeypatch.setitem(sys.modules, "pandas", frame)
    columns, rows = accel.runs(str(four_runs))
    assert {"run", "accuracy", "size_bytes", "compression"} <= {*columns}
    assert len(rows) == 4


def test_no_runs_are_told(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        accel.runs(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_run_and_a_sweep_return_their_records(tiny_csv, at_home):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    words = [*tiny_words(tiny_csv), "trainer.max_steps=2"]
    record = accel.run(*words, "hydra.run.dir=out")
    assert record.status == "finished"
    assert record.folder == Path("out").absolute()
    assert 0 <= record.after.metrics.accuracy <= 1
    swept = accel.sweep(*words, "seed=0,1")
    assert [job.status for job in swept.jobs] == ["finished", "finished"]
    assert len(accel.runs(swept.folder, "out")) == 3


@pytest.mark.parametrize("name", ["run", "sweep"])
def test_they_can_be_called_once_their_packages_are_imported(name, monkeypatch):
    """The import of a package puts it in the place of the function of the same name."""
    importlib.import_module(f"accel.{name}")
    monkeypatch.setattr(api, name, lambda *words: words)
    assert isinstance(getattr(accel, name), ModuleType)
    assert getattr(accel, name)("seed=1") == ("seed=1",)
