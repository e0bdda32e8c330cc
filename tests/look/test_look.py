import json
import shlex

import pytest

from accel.config.arguments import parse
from accel.config.compose import compose, plain
from accel.errors import DataError
from accel.look import facts, models
from accel.look import look as module
from accel.look.look import is_data_file, look
from accel.look.models import Choice
from accel.plan.decide import decide
from accel.plan.inputs import read_inputs
from tests.look.files import NINE, UNDERSTOOD, english, lines, write


@pytest.fixture(autouse=True)
def every_model_is_here(monkeypatch):
    monkeypatch.setattr(models, "_missing", lambda name: "")


@pytest.mark.parametrize("name", NINE)
def test_nine_files_that_nobody_tuned_for_are_understood(name, tmp_path):
    found = look(write(tmp_path, name))
    assert (found.reading.task, dict(found.reading.columns)) == UNDERSTOOD[name]
    chinese = name in ("hotel.csv", "tnews.jsonl", "新闻.csv")
    assert found.facts.language == ("Chinese" if chinese else "English") or name == "entities.jsonl"


@pytest.mark.parametrize("name", ["tweets.csv", "新闻.csv", "pairs.tsv", "similar.tsv", "entities.jsonl"])
def test_what_is_understood_can_be_read_and_the_command_typed_is_the_same_plan(name, tmp_path):
    found = look(write(tmp_path, name), ["seed=3", "model=minilm"])
    program, *typed = shlex.split(found.command())
    assert program == "accel"
    config = compose(parse(typed).overrides)
    assert plain(config) == plain(compose(parse(found.words()).overrides))
    plan = decide(config)
    assert read_inputs(plan).sizes()["train"] > 50


TALK = [{"role": "user", "content": "where is it?"}, {"role": "assistant", "content": "on day {n}, by the door"}]
ASKED = {"question": "when was it?", "context": "the room was clean on day {n} of the stay"}
FOUND_IN = {"text": ["question", "context"]}
MORE = {
    "chats.jsonl": ({"messages": TALK}, "chat", {"messages": "messages"}),
    "shared.jsonl": (
        {"conversations": [{"from": "human", "value": "where?"}, {"from": "gpt", "value": "on day {n}"}]},
        "chat", {"messages": "conversations"},
    ),
    "squad.jsonl": (
        ASKED | {"answers": {"text": ["on day"], "answer_start": [19]}},
        "question_answering", FOUND_IN | {"answers": "answers"},
    ),
    "parts.jsonl": (
        ASKED | {"reply": "on day {n}", "reply_start": 19},
        "question_answering", FOUND_IN | {"answer": "reply", "answer_start": "reply_start"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_conversations_and_answers_are_understood_and_the_command_is_a_plan(name, tmp_path):
    row, task, columns = MORE[name]
    rows = "".join(json.dumps(row).replace("{n}", str(n)) + "\n" for n in range(120))
    found = look(write(tmp_path, name, rows))
    assert (found.reading.task, dict(found.reading.columns)) == (task, columns)
    assert read_inputs(decide(compose(found.words()))).sizes()["train"] > 50


def test_an_answer_that_is_no_part_of_the_text_is_another_text(tmp_path):
    """Negative control: a question, a passage and a class are a pair to classify."""
    rows = lines(
        lambda n: {"question": f"was it on {n}?", "context": f"no, yes: {english(n)}", "label": ("no", "yes")[n % 2]}
    )
    assert look(write(tmp_path, "pairs.jsonl", rows)).reading.task == "text_classification"


def test_what_the_user_typed_is_stronger_and_is_said_once(tmp_path):
    words = look(write(tmp_path, "reviews.csv"), ["task.max_length=16", "preset=fast", "model=minilm_l3"]).words()
    assert [word for word in words if "max_length" in word] == ["task.max_length=16"]
    assert [word for word in words if word.startswith("preset")] == ["preset=fast"]
    assert decide(compose(words)).trainer.max_steps == 200


def test_a_preset_is_balanced_unless_something_else_says_how_long(tmp_path):
    file = write(tmp_path, "reviews.csv")
    assert "preset=balanced" in look(file).words()
    assert not [word for word in look(file, ["experiment=try"]).words() if word.startswith("preset")]


def test_a_typed_label_or_task_chooses(tmp_path):
    file = write(tmp_path, "tweets.csv")
    assert look(file, ["task.label=airline"]).reading.columns["label"] == "airline"
    stars = write(tmp_path, "reviews.csv")
    assert look(stars, ["task=regression", "task.label=stars"]).reading.task == "regression"
    pair = look(write(tmp_path, "pairs.tsv"), ["task.text=question2"])
    assert pair.reading.columns["text"] == "question2"


def test_a_file_with_more_rows_is_sampled_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST_ROWS", 100)
    found = look(write(tmp_path, "reviews.csv"))
    assert (found.rows, found.sampled) == (100, True)
    assert "Only the first 100 rows were looked at" in found.all_notes()[0]


def test_no_more_rows_than_that_are_read(tmp_path):
    file = write(tmp_path, "reviews.csv", NINE["reviews.csv"] + "broken,row\n")
    with pytest.raises(DataError, match="2 cells"):
        look(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FIRST_ROWS", 50)
        assert look(file).sampled


def test_a_token_and_its_tag_in_each_line(tmp_path):
    file = write(tmp_path, "entities.conll", "Ada B-PER\npaid O\n\nBob B-PER\nleft O\n\n" * 20)
    found = look(file, ["model=minilm"])
    assert (found.reading.task, dict(found.reading.columns), found.rows) == ("token_classification", {}, 40)
    with pytest.raises(DataError, match="(?s)text without labels.*language_modeling"):
        look(write(tmp_path, "book.txt", "It was a dark night.\n"))


def test_another_encoding_is_refused_with_the_words_that_convert_it(tmp_path):
    file = tmp_path / "hotel.csv"
    file.write_bytes(NINE["hotel.csv"].encode("gb18030"))
    with pytest.raises(DataError, match="iconv -f gb18030"):
        look(str(file))


def test_a_language_without_a_model_here_is_told_and_refused_before_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "_missing", lambda name: f"install {name}")
    found = look(write(tmp_path, "hotel.csv"))
    assert "install e5_small" in found.all_notes()[-1]
    with pytest.raises(DataError, match="model=bert_base_chinese, which is downloaded"):
        found.model.require()
    look(write(tmp_path, "hotel.csv"), ["model=minilm"]).model.require()
    look(write(tmp_path, "reviews.csv")).model.require()


def test_names_with_signs_of_hydras_grammar_are_quoted(tmp_path):
    content = NINE["reviews.csv"].replace("id,review,stars", 'id,"the review, whole",stars (1-5)')
    found = look(write(tmp_path, "my file (1).csv", content))
    assert found.reading.columns == {"text": "the review, whole", "label": "stars (1-5)"}
    plan = decide(compose(shlex.split(found.command())[1:]))
    assert read_inputs(plan).sizes()["train"] > 50


def test_splits_that_lie_beside_are_used_and_their_leaks_counted(tmp_path):
    write(tmp_path, "test.csv", "\n".join(NINE["reviews.csv"].splitlines()[:21]) + "\n121,the last one is new,1\n")
    found = look(write(tmp_path, "train.csv", NINE["reviews.csv"]))
    assert f"task.test={tmp_path}/test.csv" in found.words()
    assert found.facts.leaked == {"test": 20}
    write(tmp_path, "test.csv", "id,review\n1,no label here\n")
    assert look(str(tmp_path / "train.csv")).facts.beside == {}


def test_what_is_a_data_file():
    assert is_data_file("a.csv")
    assert is_data_file("b.jsonl.gz")
    assert is_data_file("c.conll")
    assert not is_data_file("compare")


def test_facts_and_module_agree_on_how_much_is_read():
    assert module.FIRST_ROWS == facts.FIRST_ROWS
    assert Choice().require() is None


def test_the_nested_json_of_squad_is_understood_as_training_reads_it(tmp_path):
    def asked(n):
        answers = [] if n % 5 == 0 else [{"text": "on day", "answer_start": 19}]
        return {
            "context": f"the room was clean on day {n}",
            "qas": [{"id": str(n), "question": "when?", "answers": answers}],
        }

    squad = {"version": "2", "data": [{"title": "day", "paragraphs": [asked(n) for n in range(120)]}]}
    found = look(write(tmp_path, "squad.json", json.dumps(squad)))
    assert dict(found.reading.columns) == {"text": ["question", "context"], "answers": "answers"}
    assert read_inputs(decide(compose(found.words()))).sizes()["train"] > 50
