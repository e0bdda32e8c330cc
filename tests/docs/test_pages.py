"""What the README and the documentation say is executed: every command composes, generated pages are up to date."""

import math
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from accel.cli import main
from accel.commands.verbs import VERBS
from accel.config.arguments import parse
from accel.config.compose import compose
from accel.core.meta import Meta
from accel.docs.topics import pages
from accel.dp.mechanism import Mechanism
from accel.dp.statement import statement
from accel.errors import PlanError
from accel.look.look import is_data_file
from accel.plan.decide import assemble, checked
from accel.sweep.entry import planned_jobs, sort_words

README = Path(__file__).parent.parent.parent / "README.md"
DOCUMENTS = {"README": README, **pages()}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
OWN = ("--plugin", "--config-dir")
"""Flags of commands that need a user's own files: tests/docs/test_extending.py makes them."""
FINISHED = "compression.distill.teacher=outputs/"
"""A finished run, which is not there."""
SHOWN_REFUSED = "accel check tuning=lora compression=[prune]"
"""Stands there to show what a refusal looks like."""


def commands_of(text):
    """Every ``accel …`` that stands in a block of a page, without its comment."""
    lines = (line for language, block in FENCE.findall(text) if not language for line in block.splitlines())
    return {line.split("  #")[0].split(" # ")[0].strip() for line in lines if line.startswith("accel ")}


COMMANDS = sorted({command for path in DOCUMENTS.values() for command in commands_of(path.read_text("utf8"))})
FIRST = commands_of(README.read_text("utf8"))
"""What a new user types; the other pages are typed by the slow tests."""


def check_command(command):
    """Compose and check it as the command itself would; other verbs have a test of their own."""
    _, *line = shlex.split(command)
    if line and line[0] in VERBS and line[0] != "check":
        return
    if line and is_data_file(line[0]):  # what it would say of a file of reviews
        line = ["task=text_classification", f"task.train={line[0]}", *line[1:]]
    assert not line or line[0] == "check" or line[0].startswith("-") or "=" in line[0], command
    arguments = parse([w for w in line if w != "check" and not w.startswith(("--forecast", FINISHED))])
    jobs = [arguments.overrides]
    if arguments.multirun:
        settings, words = sort_words(arguments.overrides)
        config = compose([w for w in settings if "resume" not in w])
        jobs = planned_jobs(config.hydra.sweeper, words)
        assert len(jobs) > 1
    for job in jobs:
        assert checked(assemble(compose(job))).options


def test_there_are_commands():
    assert len(COMMANDS) >= 110


def typed():
    """Each command, but those that need a user's own files and the one that is refused."""
    for command in COMMANDS:
        if not any(flag in command for flag in (*OWN, SHOWN_REFUSED)):
            yield pytest.param(command, marks=[] if command in FIRST else pytest.mark.slow)


@pytest.mark.parametrize("command", typed())
def test_every_command_is_a_plan_that_works(command):
    check_command(command)


def test_what_is_shown_as_a_refusal_is_refused():
    assert SHOWN_REFUSED in COMMANDS
    with pytest.raises(PlanError, match="an adapter leaves those frozen"):
        check_command(SHOWN_REFUSED)


OTHERS = [c for c in COMMANDS if (c.split()[1:] or [""])[0] in {*VERBS} - {"check"}]


@pytest.mark.parametrize("command", [*OTHERS, "accel compare runs --no-such-flag"])
def test_every_flag_of_another_verb_is_known(command, tmp_path, monkeypatch, capsys):
    """The runs that it names are not there, which is what it is told; the last one is the negative control."""
    monkeypatch.chdir(tmp_path)
    try:
        code = main(shlex.split(command)[1:])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr().err
    assert ("no-such-flag" in command) == ("unrecognized arguments" in said)
    assert code in (0, 2), said


@pytest.mark.parametrize(
    "command", ["accel chek", "accel tuning=lroa", "accel -m compression=[prune]", "accel predct X", SHOWN_REFUSED]
)
def test_a_command_that_accel_refuses_is_seen(command):
    with pytest.raises(Exception, match="."):
        check_command(command)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file(name):
    links = LINK.findall(DOCUMENTS[name].read_text("utf8"))
    assert not [link for link in links if not (DOCUMENTS[name].parent / link).exists()]


def test_the_readme_is_short_and_names_every_page():
    text = README.read_text("utf8")
    assert len(text.splitlines()) <= 150
    assert set(re.findall(r"accel/docs/(\w+)\.md", text)) == set(pages()) - {"index"}


def test_the_index_and_the_site_name_every_page():
    site = yaml.safe_load((README.parent / ".github" / "mkdocs.yml").read_text("utf8"))
    assert {f"{name}.md" for name in pages()} == set(site["nav"])
    assert {f"{name}.md" for name in pages()} - {"index.md"} == set(LINK.findall(pages()["index"].read_text("utf8")))


def test_the_page_for_a_data_officer_has_the_worst_case_of_every_epsilon():
    """Even odds before, exp(epsilon) times them after."""
    rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) % \|", pages()["promise"].read_text("utf8"))
    assert len(rows) >= 4
    for epsilon, percent in rows:
        odds = math.exp(float(epsilon))
        digits = len(percent.partition(".")[2])
        assert float(percent) == round(100 * odds / (1 + odds), digits)


def test_the_page_for_a_data_officer_asks_for_what_is_stated():
    """Every field that it names is in the statement of a run, or in what is stored beside the model."""
    text = pages()["promise"].read_text("utf8")
    mechanism = Mechanism(1.0, 1.0, "flat", 0.1, 10.0, 100, 10, 1e-3, "rdp", None, test_mode=False)
    stated = {*statement(mechanism, 10), *(field.name for field in fields(Meta)), "audit"}
    named = re.findall(r"`(\w+)`", text.partition("## What to keep")[2].replace("`privacy` in", ""))
    assert len(named) >= 8
    assert set(named) <= stated


@pytest.mark.slow
def test_the_program_that_ships_a_model_runs_without_torch(tiny_run, tmp_path):
    assert main([*tiny_run, "compression=[qat,vocabulary]", "engines=[onnxruntime]", "trainer.max_steps=60"]) == 0
    (program,) = re.findall(r"^```python\n(.*?)^```$", pages()["shipping"].read_text("utf8"), re.MULTILINE | re.DOTALL)
    program = re.sub(r'folder = ".*"', f"folder = {str(tmp_path / 'run' / 'model')!r}", program)
    program = program.replace("my flight was cancelled", "the crew was terrible and rude")
    program += "\nimport sys; print(logits.argmax(), {'torch', 'transformers', 'accel'} & set(sys.modules) or 'alone')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0 alone\n"
