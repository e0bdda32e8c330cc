"""Whether the path from a text to a text works to its end: a T5 of 0.25 million random weights learns to reverse six digits.

    pytest -s tests/bench/test_reversing.py      (about a minute of a core)

20,000 numbers to learn from, 700 others to be tested on: whoever learns by heart reverses none of these.
"""

import csv
import random
from resource import RUSAGE_CHILDREN, getrusage

from accel.report.record import read_record
from tests.bench.runs import run_of

STEPS, LEAST = 600, 0.95
SIZES = {"train": 20_000, "validation": 300, "test": 700}


def files(folder):
    """Each number once."""
    left = iter(random.Random(0).sample(range(10**6), sum(SIZES.values())))
    for name, size in SIZES.items():
        numbers = [f"{next(left):06d}" for _ in range(size)]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf8") as target:
            csv.writer(target).writerows([("source", "target"), *((number, number[::-1]) for number in numbers)])
    return [f"task.{name}={folder}/{name}.csv" for name in SIZES]


def test_six_digits_are_reversed(tmp_path, figures):
    words = [
        "task=seq2seq",
        *files(tmp_path),
        "task.max_target_length=10",
        "model=tiny_t5",
        "engines=[eager]",
        "tracker=none",
    ]
    trainer = ["trainer.batch_tokens=2048", "trainer.learning_rate=3e-3", f"trainer.max_steps={STEPS}", "rounds=3"]
    began = sum(getrusage(RUSAGE_CHILDREN)[:2])
    record = read_record(run_of([*words, *trainer], tmp_path / "run"))
    found = record["after"]["metrics"]["exact_match"]
    figures.value("six digits, exact match", found, "", roof=1.0)
    figures.value("six digits, processor time", sum(getrusage(RUSAGE_CHILDREN)[:2]) - began, "s")
    assert found >= LEAST
