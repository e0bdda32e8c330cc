"""The command: a reply to each line of a pipe, talk at a terminal, Ctrl-C, and what it refuses."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from accel.cli import main
from accel.inference.chat import at_terminal, line_by_line
from accel.inference.talk import ENDED
from accel.objective.chat import Chat
from accel.objective.classification import Classification
from tests.inference.test_talk import saved

FEW = ["--max-tokens", "4", "--temperature", "0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    saved(folder, Chat())
    return str(folder)


def told(capsys, monkeypatch, lines, *words):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    code = main(["chat", *words])
    return code, capsys.readouterr()


def test_each_line_of_a_pipe_is_a_turn(run, capsys, monkeypatch):
    code, said = told(capsys, monkeypatch, ["hi", "", "/reset", "hi", "more", "/exit", "never"], run, *FEW, "--json")
    assert code == 0
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [one["user"] for one in found] == ["hi", "hi", "more"]
    assert found[0] == found[1]  # all was forgotten between
    assert all(one["tokens"] <= 4 and one["ended"] in ("max_tokens", "end") for one in found)
    plain, words = told(capsys, monkeypatch, ["hi"], run, *FEW)
    assert plain == 0
    assert words.out.strip() == found[0]["reply"]


class Says:
    """A talk with planned replies; one that is an error is raised."""

    def __init__(self, *replies):
        self.replies, self.heard, self.resets = list(replies), [], 0
        self.num_forgotten, self.num_tokens, self.ended = 0, 2, ENDED

    def reply(self, words):
        self.heard.append(words)
        for part in self.replies.pop(0):
            if isinstance(part, BaseException):
                raise part
            if callable(part):
                part(self)
            else:
                yield part

    def reset(self):
        self.resets += 1


def typed(*lines):
    """As ``input`` does; an error among the lines is raised."""
    waiting = iter(lines)

    def ask():
        line = next(waiting, None) or EOFError()
        if isinstance(line, BaseException):
            raise line
        return line

    return ask


def test_ctrl_c_stops_a_reply_and_then_leaves(capsys):
    talk = Says(["so ", KeyboardInterrupt()], ["well"])
    assert at_terminal(talk, typed("hi", "go on", KeyboardInterrupt(), "never")) == 0
    assert talk.heard == ["hi", "go on"]
    assert capsys.readouterr().out == "so \n(stopped)\nwell\n\n"


def test_commands_of_the_terminal(capsys):
    talk = Says()
    assert at_terminal(talk, typed(" ", "/reset", "/exit", "never")) == 0
    assert (talk.heard, talk.resets) == ([], 1)
    assert capsys.readouterr().out == "Everything is forgotten.\n"


def test_why_a_reply_is_over_is_told(capsys):
    def cut(talk):
        talk.ended, talk.num_forgotten = "max_tokens", 4

    def full(talk):
        talk.ended = "room"

    at_terminal(Says(["a", cut], ["b", full]), typed("hi", "more"))
    said = capsys.readouterr().out
    assert "(cut after 2 tokens: --max-tokens)\n(the first 4 turns found no room any more" in said
    assert "(cut: the model has no room for more)" in said


def test_a_turn_that_cannot_be_asked_is_told_and_the_talk_goes_on(run, capsys, monkeypatch):
    from accel.errors import DataError

    talk = Says([DataError("no such turn")], ["fine"])
    assert at_terminal(talk, typed("bad", "good")) == 0
    assert capsys.readouterr().out == "no such turn\nfine\n\n"
    with pytest.raises(DataError, match="Line 2 of the input: no such turn"):
        line_by_line(Says(["a"], [DataError("no such turn")]), ["hi\n", "bad\n"], as_json=False)
    code, said = told(capsys, monkeypatch, ["hi", "x[SEP]"], run, *FEW)
    assert code == 2
    assert "Line 2 of the input: A turn spells '[SEP]'" in said.err


WRONG = {
    "no folder": (["nowhere"], "nowhere is no folder"),
    "no model": (["{empty}"], "holds no exported model"),
    "labels": (["{labels}"], "a model of classification, which writes no replies"),
    "temperature": (["{run}", "--temperature", "-1"], "--temperature -1.0: give 0"),
    "top-p": (["{run}", "--top-p", "0"], "--top-p 0.0: give a share"),
    "tokens": (["{run}", "--max-tokens", "0"], "--max-tokens 0: a reply has at least 1"),
    "seed": (["{run}", "--seed", "-1"], "--seed -1: give 0"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_talk_is_told(name, run, tmp_path, capsys, monkeypatch):
    if name == "labels":
        saved(tmp_path / "labels", Classification(["x", "y"]))
    (tmp_path / "empty").mkdir()
    words, message = WRONG[name]
    places = {"run": run, "empty": tmp_path / "empty", "labels": tmp_path / "labels"}
    code, said = told(capsys, monkeypatch, ["hi"], *(word.format(**places) for word in words))
    assert code == 2
    assert message in said.err
    assert "Traceback" not in said.err
    assert not said.out


@pytest.mark.slow
def test_a_real_terminal_and_a_real_ctrl_c(run):
    """A long reply (of that seed, 493 tokens, a third of a second) is stopped by the first, and the second leaves."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "accel", "chat", run, "--max-tokens", "4000", "--temperature", "2", "--seed", "2"]
    environment = {**os.environ, "TERM": "dumb", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
    )
    os.close(follower)
    try:
        seen = _until(leader, "you> ")
        os.write(leader, b"hi\n")
        seen += _until(leader, "hi\r\n")
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        after = _until(leader, "you> ")
        assert "(stopped)" in after
        assert _interrupted(process) == 0
        assert "Type a turn and Enter" in seen
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def _interrupted(process):
    """How it ended. Python's input() loses a signal between its prompt and its wait for a key: people press again."""
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(20)
    raise AssertionError("it goes on after six interrupts")


def _until(terminal, text, seconds=120):
    seen, end = "", time.monotonic() + seconds
    while text not in seen:
        left = end - time.monotonic()
        assert left > 0, f"no {text!r} in {seen!r}"
        if select.select([terminal], [], [], left)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")
    return seen
