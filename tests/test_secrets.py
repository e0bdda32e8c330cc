"""Sixteen secrets on their way into a run, and every place where something of it is written: none arrives."""

import json
import subprocess
import sys

import pytest

from accel.cli import main
from accel.config import redact as redact_module
from accel.config.compose import compose, plain
from accel.config.redact import Redactor, guarded_streams
from accel.core.console import Console
from accel.errors import RefusedError
from accel.plan.decide import assemble
from accel.report.comparison import compare_runs, write_csv
from accel.report.html import write_report
from accel.report.record import new_record, write_record
from accel.report.records import find
from accel.run.run import Run, make_folder
from accel.sweep.record import Sweep, _line

CANARIES = {
    "hf token": "hf_c1c1c1c1c1c1c1c1c1c1",
    "sk key": "sk-c2c2c2c2c2c2c2c2c2c2",
    "github": "ghp_c3c3c3c3c3c3c3c3c3c3",
    "aws": "AKIAC4C4C4C4C4C4C4C4",
    "slack": "xoxb-c5c5c5c5c5c5",
    "jwt": "eyJjNmM2YzZj.eyJjNmM2YzZj.c6c6c6",
    "url": "postgres://u:c7c7c7c7@host/db",
    "url user": "https://c8c8c8c8@host/x",
    "variable": "c9+c9/c9c9",
    "variable of a database": "d1d1d1d1",
    "key": "api_key=d2d2d2d2",
    "upper case": "HF_TOKEN=d3d3d3d3",
    "nested": "{db: {password: d4d4d4d4}}",
    "list": "[a,sk-d5d5d5d5d5d5d5d5d5d5]",
    "list in a string": "\"['x', 'hf_d6d6d6d6d6d6d6d6d6d6']\"",
    "bearer": "Bearer d7d7d7d7d7",
}
MARKS = [
    mark * 2 for mark in ("c1", "c2", "c3", "C4", "c5", "c6", "c7", "c8", "d1", "d2", "d3", "d4", "d5", "d6", "d7")
]
MARKS += ["c9+c9/c9c9"]
INNOCENT = (
    "image_token=7 max_tokens=8 batch_tokens=1024 pad_token_id=0 tokenizer=bert secret_santa=anna use_cls_token=1 "
    "num_memory_tokens=4 monkey=x sort_key=y author=z tokens=3 http://localhost:8080/a@b outputs/2026-11-28/19-43-11"
)
EVERYTHING = "; ".join([*CANARIES.values(), INNOCENT])


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(redact_module, "_learned", set())
    monkeypatch.setenv("MY_SERVICE_KEY_API_KEY", CANARIES["variable"])
    monkeypatch.setenv("DATABASE_URL", f"postgres://u:{CANARIES['variable of a database']}@host/db")


def record(name=EVERYTHING):
    settings = {
        "settings": {"api_key": "d2d2d2d2", "text": EVERYTHING},
        "name": "mine",
        "stage": "TUNE",
        "evidence": {},
    }
    found = {"status": "failed", "error": EVERYTHING, "name": name, "overrides": [EVERYTHING], "techniques": [settings]}
    return {**new_record([]), **found}


def in_record(folder, capsys):
    write_record(record(), folder)
    json.loads((folder / "result.json").read_text())
    return (folder / "result.json").read_text()


def in_report(folder, capsys):
    (folder / "result.json").write_text(json.dumps(record()))
    (folder / "plan.txt").write_text(EVERYTHING)
    return write_report(folder).read_text()


def in_log(folder, capsys):
    console = Console(folder, silent=True)
    console.say(EVERYTHING)
    console.close()
    return (folder / "log.txt").read_text()


def in_terminal(folder, capsys):
    with guarded_streams():
        Console(None).say(EVERYTHING)
        print(EVERYTHING, file=sys.stderr)
    shown = capsys.readouterr()
    assert shown.err
    return shown.out + shown.err


def in_sweep(folder, capsys):
    sweep = Sweep(folder)
    sweep.job([EVERYTHING]).error = EVERYTHING
    sweep.save()
    assert Sweep.of(folder).job([EVERYTHING]).number == 0
    return (folder / "sweep.json").read_text()


def in_compared(folder, capsys):
    (folder / "result.json").write_text(json.dumps(record()))
    write_csv(compare_runs(find([folder])[0]), folder / "x.csv")
    return (folder / "x.csv").read_text()


def in_page(folder, capsys):
    (folder / "result.json").write_text(json.dumps(record("run " + CANARIES["sk key"])))
    with guarded_streams():
        assert main(["compare", str(folder), "--html", str(folder / "x.html"), "--columns", "name,error"]) == 0
    return capsys.readouterr().out + (folder / "x.html").read_text() + INNOCENT


def run_of(folder):
    words = ["model=tiny_bert", "tracker=csv", f"tracker.file={folder / 'runs.csv'}", "engines=[eager]"]
    config = compose([*words, "name='${oc.env:MY_SERVICE_KEY_API_KEY} api_key=d2d2d2d2'"])
    run = Run(assemble(config), plain(config), folder, [EVERYTHING])
    run.record["error"] = EVERYTHING
    return run


def in_folder(folder, capsys):
    run = run_of(folder)
    run._prepare_folder()
    texts = [f.read_text() for f in folder.iterdir()]
    assert len(texts) == 4
    return "".join(texts) + str(run.info()) + INNOCENT


def in_tracker(folder, capsys):
    run = run_of(folder)
    run._finish_tracker(Console(None, silent=True), 0)
    return (folder / "runs.csv").read_text() + INNOCENT


SINKS = [in_record, in_report, in_log, in_terminal, in_sweep, in_compared, in_page, in_folder, in_tracker]


@pytest.mark.fault("X5")
@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
def test_no_secret_gets_into(sink, tmp_path, capsys):
    text = sink(tmp_path, capsys)
    assert [mark for mark in MARKS if mark in text] == []
    assert [word for word in INNOCENT.split() if word not in text] == []


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
def test_without_the_door_they_do(sink, tmp_path, capsys, monkeypatch):
    """Negative control, for each place."""
    for name in ("text", "known", "tree"):
        monkeypatch.setattr(Redactor, name, lambda self, value: value)
    _line.cache_clear()  # a job's line without secrets is kept
    text = sink(tmp_path, capsys)
    _line.cache_clear()
    assert [mark for mark in MARKS if mark in text]


def test_a_refused_command_tells_nothing(tmp_path, capsys):
    words = ["name=${oc.env:MY_SERVICE_KEY_API_KEY}", "+task.api_key=d2d2d2d2", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(words) == 2
    shown = capsys.readouterr()
    text = shown.out + shown.err + (tmp_path / "run" / "result.json").read_text()
    assert [mark for mark in MARKS if mark in text] == []


def test_no_folder_is_named_by_a_secret(tmp_path):
    with pytest.raises(RefusedError, match="name of a folder"):
        make_folder(tmp_path / "hf_c1c1c1c1c1c1c1c1c1c1")


@pytest.mark.fault("X5")
def test_a_traceback_of_a_real_process_tells_nothing(tmp_path):
    words = [sys.executable, "-m", "accel", "check", "task=sk-c2c2c2c2c2c2c2c2c2c2", "--debug"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr
    assert "c2c2" not in done.stdout + done.stderr


@pytest.mark.fault("X6")
def test_terminal_escapes_of_others_do_nothing(tmp_path, capsys):
    (tmp_path / "result.json").write_text(json.dumps(record("\x1b[2J\x1b]0;owned\x07evil\u202e\x9b31m")))
    assert main(["compare", str(tmp_path), "--columns", "name,error"]) == 0
    console = Console(tmp_path)
    console.say("a\x1b[2Jb")
    console.close()
    shown = capsys.readouterr().out
    assert "evil" in shown
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(shown)
    assert "\x1b" not in (tmp_path / "log.txt").read_text()
