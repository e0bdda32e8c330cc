"""Every kind of task with every class of architecture that fits it, with all weights and with LoRA, from a file to answers.

Two steps, exported, loaded again: the run compares and scores every file itself, and what torch and ONNX Runtime answer
to a text is held against each other here.
"""

import json
from dataclasses import fields, replace
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from accel.cli import main
from accel.config.compose import compose, options_of
from accel.core.objective import Answering
from accel.errors import DataError
from accel.inference.light import LightPredictor
from accel.inference.predictor import Predictor
from accel.objective.registry import require
from accel.plan.decide import assemble, objections_to
from accel.plan.matrix import MODELS
from tests.test_conf import FILES, class_of

PLAN = Path(__file__).parent / "plan"
WORDS = ["crew", "seat", "bag", "gate", "meal", "delay", "boarding", "refund", "agent", "ticket"]
TUNINGS = ("full", "lora")
CLOSE = 1e-4


def lines(rows):
    return "\n".join(map(json.dumps, rows))


def documents():
    return "\n\n".join(f"row {n} " + " ".join(WORDS[(n + k) % 10] for k in range(30)) for n in range(40))


def conversations():
    turns = [
        [("user", f"where is my {WORDS[n % 10]} {n}"), ("assistant", f"the {WORDS[n % 7]} is late")] for n in range(60)
    ]
    return lines({"messages": [{"role": role, "content": text} for role, text in pair]} for pair in turns)


def interactions():
    return "user,item\n" + "\n".join(f"u{n % 20},i{(3 * n + n // 20) % 12}" for n in range(120))


MADE = {
    "documents.txt": documents,
    "chats.jsonl": conversations,
    "taken.csv": interactions,
    "items.csv": lambda: "item,text\n" + "\n".join(f"i{n},about the {WORDS[n % 10]} {n}" for n in range(12)),
    "pairs.csv": lambda: "source,target\n" + "\n".join(f"{n} {WORDS[n % 10]},{WORDS[n % 10]} {n}" for n in range(60)),
}
"""Small files, by what they are called."""
TASKS = {
    "text_classification": (),  # the file of every small run
    "language_modeling": ("task.train=documents.txt", "task.block_length=32"),
    "masked_language_modeling": ("task.train=documents.txt", "task.block_length=32"),
    "token_classification": (f"task.train={PLAN / 'entities.jsonl'}",),
    "regression": (f"task.train={PLAN / 'ratings.csv'}",),
    "multi_label": (f"task.train={PLAN / 'topics.csv'}",),
    "retrieval": (f"task.train={PLAN / 'questions.csv'}",),
    "question_answering": (f"task.train={PLAN / 'answers.jsonl'}", "task.max_length=64", "task.stride=16"),
    "chat": ("task.train=chats.jsonl", "task.template=plain", "task.max_length=64"),
    "recommendation": ("task.train=taken.csv", "task.items=items.csv"),
    "seq2seq": ("task.train=pairs.csv", "task.max_target_length=16", "engines=[eager]"),
}
"""By the option, what it takes to train it on a small file."""


def words_of(task, model, tuning):
    return [f"task={task}", *TASKS[task], f"model={model}", f"tuning={tuning}"]


@cache
def plan_of(*words):
    return assemble(compose([*words]))


def fits(task, model):
    more = ["task.train=x.csv"] if task == "text_classification" else []
    plan = plan_of(f"task={task}", *TASKS[task], *more)
    return not objections_to(replace(plan, model=plan_of(f"model={model}").model))


CELLS = [cell for cell in product(TASKS, MODELS) if fits(*cell)]


def named(option):
    return {field.name for field in fields(option)}


def test_every_kind_of_task_is_there_and_fits_a_model():
    own = {file.stem for file in FILES if file.parent.name == "task" and "train" in named(class_of(file))}
    assert own - {"clue", "glue"} == set(TASKS)  # those two are files of a hub, of the kinds that are here
    assert {task for task, _ in CELLS} == set(TASKS)
    assert set(options_of("tuning")) > set(TUNINGS)
    assert len(CELLS) > 20


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize(("task", "model"), CELLS)
def test_it_learns_is_exported_and_answers_the_same(task, model, tuning, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in MADE.items():
        Path(name).write_text(text())
    words = [word for word in tiny_run if not word.startswith(("task", "model"))]
    csv_file = next(word for word in tiny_run if word.startswith("task.train="))
    own = [csv_file] if task == "text_classification" else []
    short = ["trainer.max_steps=2", "engines=[eager,onnxruntime]", "hydra.run.dir=run"]
    assert main([*words, *short, *words_of(task, model, tuning), *own]) == 0
    record = json.loads(Path("run/result.json").read_text())
    assert record["steps"] == 2
    assert {export["format"] for export in record["exports"]} >= {"safetensors"}
    assert all(export["max_abs_diff"] <= CLOSE for export in record["exports"]), record["exports"]
    answers_agree(Path("run"))


def answers_agree(run):
    """Where each text has an answer."""
    try:
        require(run / "model", Answering)
    except DataError:
        return
    slow, light = Predictor.load(run), LightPredictor.find(run / "model")
    if not (run / "model" / "model.onnx").is_file():  # of what is written token by token
        assert light is None
        return
    text = ["where is my bag", "the river was great"][: slow.meta.num_text_columns]
    asked = text if len(text) == 2 else text[0]
    assert light is not None
    (one,), (other,) = list(slow.stream([asked])), list(light.stream([asked]))
    assert flat(one.answer) == pytest.approx(flat(other.answer), abs=CLOSE)


def flat(value, name="answer"):
    """Numbers by where they stand; texts as they are."""
    if isinstance(value, dict):
        return {key: found for part, inner in value.items() for key, found in flat(inner, f"{name}.{part}").items()}
    if isinstance(value, list | tuple):
        return {key: found for n, inner in enumerate(value) for key, found in flat(inner, f"{name}.{n}").items()}
    return {name: value}
