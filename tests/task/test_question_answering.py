"""Questions of a file are trained on, exported, rounded and answered; what is wrong in one is told with its line."""

import json

import pytest

from accel.cli import main
from accel.config.compose import compose
from accel.core.metric import OF_SPANS
from accel.errors import DataError, PlanError
from accel.inference.light import LightPredictor
from accel.inference.predictor import Predictor
from accel.objective.spans import Spans
from accel.plan.decide import decide
from accel.task.question_answering import QuestionAnswering
from tests.conftest import tiny_words

NAMES, PLACES = ("ann", "carl", "dora", "emil"), ("rome", "oslo", "bern", "york")
FILLER = "the river was great and bright and cold "


def rows(count=160):
    """Every fourth question has no answer; every fifth context is longer than a window."""
    for n in range(count):
        name, place = NAMES[n % 4], PLACES[n // 4 % 4]
        context = f"{FILLER * (3 * (n % 5 == 0))}{name} is in {place} number {n}"
        asked, answer = (("who", name), ("where", place), ("where", place), ("when", ""))[n % 4]
        start = context.index(f"{name} is in") + (len(name) + 7) * (answer == place) if answer else None
        texts, starts = ([answer], [start]) if answer else ([], [])
        group = "even" if n % 2 else "odd"
        yield {
            "id": n,
            "question": asked,
            "context": context,
            "answers": {"text": texts, "answer_start": starts},
            "g": group,
        }


def write(path, found):
    path.write_text("\n".join(map(json.dumps, found)))
    return str(path)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    return write(tmp_path_factory.mktemp("questions") / "q.jsonl", rows())


def test_reads_and_splits(questions):
    task = QuestionAnswering(train=questions, group="g")
    found = task.load(0)
    splits = (found.train, found.validation, found.test)
    assert sum(map(len, splits)) == 160
    for split in splits:
        for (asked, context), places in zip(split.texts, split.labels, strict=True):
            answers = [context[begin:end] for begin, end in places]
            assert answers == [] if asked == "when" else answers[0] in (*NAMES, *PLACES)
    assert set(found.test.strata["g"]) == {"even", "odd"}
    objective = task.objective(found)
    assert isinstance(objective, Spans)
    assert (objective.stride, objective.longest, objective.threshold) == (64, 30, None)
    assert task.metrics() == OF_SPANS == Spans.metrics
    assert [entry["name"] for entry in objective.baselines(found)][-1] == "never an answer"


def test_questions_of_a_context_stay_together(tmp_path):
    """Negative control: by another column they do not."""
    found = [
        {"question": f"q{n}", "context": f"ann {n // 6}", "answer": "ann", "answer_start": 0, "x": f"x{n}"}
        for n in range(240)
    ]
    file = write(tmp_path / "q.jsonl", found)
    for column, same in ((None, True), ("x", False)):
        data = QuestionAnswering(train=file, split_by=column).load(0)
        contexts = [{c for _, c in split.texts} for split in (data.train, data.validation, data.test)]
        assert (sum(map(len, contexts)) == 40) is same


def test_formats_hold_the_same(tmp_path, questions):
    """CSV, and SQuAD's own JSON."""
    plain = QuestionAnswering(train=questions).load(0)
    table = ["question,context,answer,answer_start"]
    articles = []
    for row in rows():
        text, start = (row["answers"]["text"] or [""])[0], (row["answers"]["answer_start"] or [""])[0]
        table.append(f"{row['question']},{row['context']},{text},{start}")
        answers = [{"text": text, "answer_start": start}] if text else []
        asked = {"id": str(row["id"]), "question": row["question"], "answers": answers}
        articles.append({"title": "", "paragraphs": [{"context": row["context"], "qas": [asked]}]})
    (tmp_path / "q.csv").write_text("\n".join(table))
    (tmp_path / "q.json").write_text(json.dumps({"version": "2", "data": articles}))
    for name in ("q.csv", "q.json"):
        assert QuestionAnswering(train=str(tmp_path / name)).load(0).fingerprint == plain.fingerprint


WRONG = {
    "an empty question": ({"question": " ", "context": "ann"}, "line 2: column 'question' is empty"),
    "an empty context": ({"question": "who", "context": ""}, "line 2: column 'context' is empty"),
    "no text": ({"question": ["who"], "context": "ann"}, "line 2: column 'question' holds a list, not a text"),
    "an answer that is not there": (
        {"question": "who", "context": "bob", "answers": {"text": ["ann"]}},
        "line 2: the answer 'ann' does not stand in its context",
    ),
    "a place outside": (
        {"question": "who", "context": "ann", "answers": {"text": ["ann"], "answer_start": [3]}},
        "line 2: answer_start is 3, outside of its context of 3 characters",
    ),
    "a place that is another": (
        {"question": "who", "context": "an ann", "answers": {"text": ["ann"], "answer_start": [0]}},
        "line 2: at 0 the context has 'an ', not the answer 'ann'. It stands at 3.",
    ),
    "no column": ({"question": "who", "kontext": "ann"}, "line 2 has no key 'context'"),
}


@pytest.mark.fault("B1")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_is_told_with_its_line(name, tmp_path, capsys):
    row, message = WRONG[name]
    good = {"question": "who", "context": "ann", "answers": {"text": ["ann"], "answer_start": [0]}}
    file = write(tmp_path / "q.jsonl", [good, {"answers": None, **row}])
    with pytest.raises(DataError) as raised:
        QuestionAnswering(train=file).load(0)
    assert message in str(raised.value)


def test_a_wrong_file_ends_with_2_and_no_traceback(tmp_path, capsys):
    file = write(tmp_path / "q.jsonl", [{"question": "who", "context": "bob", "answer": "ann"}])
    assert main(["check", "task=question_answering", f"task.train={file}", "model=tiny_bert", "tracker=none"]) == 2
    said = capsys.readouterr()
    assert "does not stand in its context" in said.out + said.err
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["privacy=dpsgd"], "a context may have many windows"),
        (["tuning=prompt"], "every position needs a target"),
        (["trainer.calibrate=true"], "a temperature corrects probabilities"),
        (["model=tiny_gpt2"], "its first token stands for no answer"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(questions, words, because):
    base = ["task=question_answering", f"task.train={questions}", "model=tiny_bert", "tracker=none"]
    with pytest.raises(PlanError, match=because):
        decide(compose([*base, *words]))
    decide(compose(base))


@pytest.fixture(scope="module")
def trained(questions, tmp_path_factory):
    """Pruned, taught, and rounded to int8 while it learned."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    words = [w for w in tiny_words(questions, folder) if not w.startswith(("task", "trainer.max_steps", "engines"))]
    more = [
        "task=question_answering",
        f"task.train={questions}",
        "task.max_length=64",
        "task.stride=16",
        "task.group=g",
    ]
    more += ["compression=[distill,qat]", "engines=[eager,onnxruntime]", "trainer.max_steps=60"]
    assert main([*words, *more, "trainer.learning_rate=4e-3"]) == 0
    return folder


@pytest.mark.slow
def test_a_run_is_scored_exported_and_told(trained):
    record = json.loads((trained / "result.json").read_text())
    assert [m["key"] for m in record["metrics"]] == ["f1", "exact_match", "answerability", "loss"]
    after, onnx = record["after"], next(e for e in record["exports"] if e["format"] == "onnx")
    baselines = {entry["name"]: entry["metrics"]["f1"] for entry in record["baselines"]}
    assert after["metrics"]["f1"] > max(baselines.values())
    assert onnx["metrics"]["f1"] == pytest.approx(after["metrics"]["f1"], abs=0.05)
    assert after["without_answer"]["questions"] + after["with_answer"]["questions"] == record["data"]["test"]
    assert record["behaviour"]["predictions"] == record["data"]["test"]
    assert set(record["fairness"]["groups"]) <= {"even", "odd", "others"}
    assert [score["key"] for score in record["fairness"]["scores"]] == ["f1", "exact_match"]
    assert ("exact_match_gap_after" in record["fairness"]) == (len(record["fairness"]["groups"]) > 1)
    meta = json.loads((trained / "model" / "accel.json").read_text())
    assert set(meta["answering"]) == {"stride", "longest", "threshold"}


@pytest.mark.slow
def test_answers_are_parts_of_the_text_with_torch_and_without(trained, questions, tmp_path, capsys):
    asked = [
        {"question": "where", "context": f"{FILLER * 6}carl is in oslo number 7"},
        {"question": "when", "context": "carl is in oslo"},
        {"question": "where", "context": ""},
    ]
    with_torch, light = Predictor.load(trained / "model"), LightPredictor.find(trained / "model")
    assert light is not None
    for predictions in (with_torch(asked), list(light.stream(asked))):
        for row, found in zip(asked, predictions, strict=True):
            if found.answer["answer"] is not None:
                assert row["context"][found.start : found.end] == found.answer["answer"]
            assert 0 < found.score <= 1
        assert predictions[2].answer["answer"] is None
    together, alone = with_torch(asked), [with_torch([row])[0] for row in asked]
    for one, other in zip(together, alone, strict=True):
        assert one.answer["score"] == pytest.approx(other.answer["score"], rel=0.05)
    file = tmp_path / "more.jsonl"
    file.write_text("\n".join(json.dumps({"id": n, **row}) for n, row in enumerate(asked[:2])))
    assert main(["predict", str(trained), "--file", str(file)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [0, 1]
    assert set(lines[0]) == {"id", "text", "answer", "start", "end", "score", "others"}
