"""Noise on the command line and in files is answered, never with a traceback and never late.

``ROUNDS=20 pytest tests/test_fuzz.py -m slow`` tries 5,000 command lines and 2,000 files.
"""

import os
import random
import re
import time

import pytest

from accel.cli import main
from accel.commands.verbs import VERBS

ROUNDS = int(os.environ.get("ROUNDS", "0"))
WORDS, FILES = 250 * ROUNDS or 30, 100 * ROUNDS or 15
PATIENCE_S = 20
VALID = [
    "task=text_classification", "task.train=a.csv", "model=tiny_bert", "tuning=lora", "tuning.rank=4",
    "compression=[prune,qat]", "compression.prune.sparsity=0.5", "trainer.max_steps=10", "trainer.learning_rate=1e-3",
    "strategy=ddp", "strategy.processes=2", "privacy=dpsgd", "privacy.epsilon=3", "tracker=none", "engines=[eager]",
    "seed=1", "name=x", "hydra.run.dir=/tmp/x", "+task.x=1", "~tracker", "experiment=quickstart", "${name}=1",
]  # fmt: skip
PIECES = [*"=[]{}()'\"\\$~+@:,.#%&|<>*?! \t\n\0é中", "${", "${oc.env:", "_target_", "null", "-1", "1e999", "nan", "😀"]


def noisy(text, rng):
    """A text that some edits were made to."""
    letters = list(text)
    for _ in range(rng.randrange(1, 5)):
        place = rng.randrange(len(letters) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            letters.insert(place, rng.choice(PIECES))
        elif kind == 1 and letters:
            letters.pop(place - 1)
        elif kind == 2 and letters:
            letters[place - 1] = rng.choice(PIECES)
        else:
            letters[place:place] = letters[: rng.randrange(4)]
    return "".join(letters)


def answer(words):
    """The exit code; whatever is raised is a failure of the test, as a user would see it."""
    start = time.process_time()
    code = main(words)
    assert time.process_time() - start < PATIENCE_S, words
    return code


@pytest.mark.slow
@pytest.mark.fault("X9")
def test_noise_on_the_command_line_is_answered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in range(WORDS):
        rng = random.Random(seed)
        words = [noisy(word, rng) for word in rng.sample(VALID, rng.randrange(1, 4))]
        words = [word for word in words if not word.startswith("-")]  # flags are argparse's
        assert answer(["check", *words]) in (0, 2), (seed, words)
        assert "Traceback" not in "".join(capsys.readouterr()), (seed, words)


@pytest.mark.slow
@pytest.mark.fault("X9")
def test_noise_in_a_file_is_answered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    valid = "# @package _global_\ndefaults:\n  - override /tuning: lora\ntrainer:\n  max_steps: 10\nname: x\n"
    for seed in range(FILES):
        (folder / "noise.yaml").write_text(noisy(valid, random.Random(seed)), "utf8")
        assert answer(["check", f"--config-dir={tmp_path / 'mine'}", "experiment=noise"]) in (0, 2), seed
        assert "Traceback" not in "".join(capsys.readouterr()), seed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trainer:\n  max_steps 10\n", "trainer is 'max_steps 10', and its settings have to be keys"),
        ("trainer:\n max_steps: 10\n  epochs: 1\n", "is no YAML: .*noise.yaml.*line 4"),
        ("x: !!python/object:os.system 1\n", "is no YAML"),
        ("defaults:\n  - override# /tuning: lora\n  - {'': x}\n", "is no configuration that Hydra can read"),
        ("x: \0", "is no YAML: .*special characters"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(text, said, tmp_path, capsys):
    folder = tmp_path / "experiment"
    folder.mkdir()
    (folder / "noise.yaml").write_text(f"# @package _global_\n{text}", "utf8")
    assert main(["check", f"--config-dir={tmp_path}", "experiment=noise"]) == 2
    assert re.search(said, capsys.readouterr().err, re.DOTALL)


def test_an_error_that_nobody_foresaw_is_seen(monkeypatch):
    """Negative control."""
    monkeypatch.setitem(VERBS, "check", lambda words: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        answer(["check"])
