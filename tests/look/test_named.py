import shlex

import pytest

from accel.config.arguments import parse
from accel.config.compose import compose, options_of
from accel.errors import DataError
from accel.look import models
from accel.look.look import look
from accel.look.named import READERS
from accel.look.reading import FINDERS
from accel.plan.decide import decide
from accel.plan.inputs import read_inputs
from tests.look.files import chinese, english, table, write

FAQ = table("id,question,answer,score", lambda n: (n, f"where is {n}?", f"look {english(n)}", n % 5))
TOOK = table("memberId,sku,at,stars", lambda n: (f"m{n % 12}", f"s{n * 7 % 11}", f"2024-03-{n % 28 + 1:02}", n % 5))
ITEMS = table("sku,colour,description", lambda n: (f"s{n}", ("red", "blue")[n % 2], f"a thing for {english(n)}"))
NOTES = table("id,note", lambda n: (n, english(n)))


@pytest.fixture(autouse=True)
def every_model_is_here(monkeypatch):
    monkeypatch.setattr(models, "_missing", lambda name: "")


def words_of(found):
    """What is typed, without the program; it is read again as a shell reads it."""
    program, *typed = shlex.split(found.command())
    assert program == "accel"
    return parse(typed).overrides


@pytest.mark.parametrize("task", ["retrieval", "seq2seq"])
def test_a_pair_is_found_for_the_task_that_was_typed_and_the_command_is_a_plan(task, tmp_path):
    found = look(write(tmp_path, "faq.csv", FAQ), [f"task={task}"])
    assert (found.reading.task, dict(found.reading.columns)) == (task, {"text": ["question", "answer"]})
    plan = decide(compose(words_of(found)))
    assert plan.task.option_name() == task
    assert plan.task.columns() == ["question", "answer"]


def test_what_is_written_is_written_by_a_model_of_its_language_in_the_one_engine_that_can(tmp_path):
    words = look(write(tmp_path, "faq.csv", FAQ), ["task=seq2seq"]).words()
    assert {"model=t5_small", "engines=[eager]"} <= set(words)
    rows = table("正文,标题", lambda n: (chinese(n) * 2, chinese(n)))
    assert "model=mt5_small" in look(write(tmp_path, "文章.csv", rows), ["task=seq2seq"]).words()


def test_the_columns_that_were_typed_are_taken_in_their_order(tmp_path):
    file = write(tmp_path, "faq.csv", FAQ)
    found = look(file, ["task=retrieval", "task.text=[answer,question]"])
    assert found.reading.columns["text"] == ["answer", "question"]
    with pytest.raises(
        DataError, match=r"no column 'reply' for task.text that could be read. Its columns: id, question, answer, score"
    ):
        look(file, ["task=retrieval", "task.text=[question,reply]"])


ORDERS = {
    ("seq2seq", "title,article"): ["article", "title"],
    ("seq2seq", "target,source"): ["source", "target"],
    ("seq2seq", "标题,正文"): ["正文", "标题"],
    ("seq2seq", "question,answer"): ["question", "answer"],
    ("seq2seq", "note,summary"): ["note", "summary"],
    ("retrieval", "answer,question"): ["question", "answer"],
    ("retrieval", "positive,anchor"): ["anchor", "positive"],
    ("retrieval", "article,title"): ["title", "article"],
}


@pytest.mark.parametrize("case", ORDERS, ids=str)
def test_names_tell_which_of_a_pair_comes_first(case, tmp_path):
    task, header = case
    found = look(write(tmp_path, "pair.csv", table(header, lambda n: (english(n), english(n + 2)))), [f"task={task}"])
    assert found.reading.columns["text"] == ORDERS[case]
    assert not found.reading.others


def test_where_names_do_not_tell_the_other_order_is_told(tmp_path):
    rows = table("one,two", lambda n: (english(n), english(n + 2)))
    found = look(write(tmp_path, "pair.csv", rows), ["task=seq2seq"])
    assert found.reading.others == {"'two' first and 'one' second": ("task.text=[two,one]",)}


def test_what_says_how_right_a_pair_is_is_not_read_and_that_is_told(tmp_path):
    rows = table("query,passage,relevance", lambda n: (f"where is {n}?", english(n), n % 4))
    told = "'relevance' is not read: every row is a right pair. Remove the rows that are none"
    assert told in look(write(tmp_path, "graded.csv", rows), ["task=retrieval"]).all_notes()
    plain = table("query,passage", lambda n: (f"where is {n}?", english(n)))
    assert not look(write(tmp_path, "plain.csv", plain), ["task=retrieval"]).reading.notes


def test_a_text_in_chinese_beside_one_in_english_has_a_model_of_both(tmp_path):
    rows = table("english,中文", lambda n: (english(n), chinese(n)))
    assert "model=mt5_small" in look(write(tmp_path, "both.csv", rows), ["task=seq2seq"]).words()


def test_a_language_that_the_only_model_has_not_learned_is_told(tmp_path):
    rows = table("id,正文", lambda n: (n, chinese(n)))
    notes = look(write(tmp_path, "zh.csv", rows), ["task=language_modeling"]).all_notes()
    assert "The texts are Chinese, and model=smollm2 has learned English" in notes


def test_of_several_columns_in_both_files_the_one_that_tells_items_apart_is_the_item(tmp_path):
    took = table("user_id,item_id,genre,rating,time",
                 lambda n: (f"u{n % 12}", f"s{n * 7 % 11}", "ab"[n * 7 % 2], n % 5, 1_700_000_000 + n))  # fmt: skip
    items = table("item_id,genre,overview", lambda n: (f"s{n}", "ab"[n % 2], f"about {english(n)}"))
    typed = ["task=recommendation", f"task.items={write(tmp_path, 'items.csv', items)}"]
    found = look(write(tmp_path, "took.csv", took), typed)
    assert (found.reading.columns["item"], found.reading.columns["text"]) == ("item_id", "overview")
    assert any("'rating' is not read" in note and "task.rating=rating" in note for note in found.all_notes())


def test_times_that_cannot_be_read_are_told(tmp_path):
    items = write(tmp_path, "items.csv", ITEMS)
    file = write(tmp_path, "took.csv", TOOK.replace(",at,", ",date,").replace("2024-03-", "March of 24 - "))
    (note, *_) = look(file, ["task=recommendation", f"task.items={items}"]).reading.notes
    assert note.startswith("No column of times ('date' holds no times that could be read)")


def test_what_is_typed_instead_has_all_that_was_typed_before(tmp_path):
    items = write(tmp_path, "items.csv", table("sku,short,long", lambda n: (f"s{n}", english(n), english(n + 1))))
    file = write(tmp_path, "took.csv", TOOK)
    with pytest.raises(DataError) as caught:
        look(file, ["task=recommendation", f"task.items={items}", "seed=3"])
    last = next(line.strip() for line in str(caught.value).splitlines() if line.endswith("task.text=long"))
    program, first, *typed = shlex.split(last)
    assert (program, first, typed[:3]) == ("accel", file, ["task=recommendation", f"task.items={items}", "seed=3"])


def test_three_texts_are_three_pairs(tmp_path):
    three = table("one,two,three", lambda n: (english(n), english(n + 2), english(n + 4)))
    with pytest.raises(DataError, match=r"which column is the pair is not clear(?s:.*)'task.text=\[one,three\]'"):
        look(write(tmp_path, "three.csv", three), ["task=retrieval"])
    with pytest.raises(DataError, match="reads two columns of texts, and 1 is here"):
        look(write(tmp_path, "notes.csv", NOTES), ["task=seq2seq"])


def test_who_took_what_is_found_by_the_column_that_both_files_have(tmp_path):
    file, items = write(tmp_path, "took.csv", TOOK), write(tmp_path, "items.csv", ITEMS)
    found = look(file, ["task=recommendation", f"task.items={items}"])
    assert dict(found.reading.columns) == {"user": "memberId", "item": "sku", "text": "description", "timestamp": "at"}
    assert read_inputs(decide(compose(words_of(found)))).sizes()["train"] > 50
    seconds = TOOK.replace(",at,", ",seen_time,").replace("2024-03-", "17000000")
    again = look(write(tmp_path, "seconds.csv", seconds), ["task=recommendation", f"task.items={items}"])
    assert again.reading.columns["timestamp"] == "seen_time"
    with pytest.raises(DataError, match="second file. Name it: task.items=FILE"):
        look(file, ["task=recommendation"])


def test_users_that_are_called_by_no_known_name_are_asked_for(tmp_path):
    file = write(tmp_path, "took.csv", TOOK.replace("memberId", "who"))
    typed = ["task=recommendation", f"task.items={write(tmp_path, 'items.csv', ITEMS)}"]
    with pytest.raises(DataError, match=r"which column is the user(?s:.*)task.user=who"):
        look(file, typed)
    assert look(file, [*typed, "task.user=who"]).reading.columns["user"] == "who"


@pytest.mark.parametrize(("task", "model"), [("language_modeling", "smollm2"), ("masked_language_modeling", "minilm")])
def test_the_language_of_a_column_is_learned_where_that_was_typed(task, model, tmp_path):
    found = look(write(tmp_path, "notes.csv", NOTES), [f"task={task}"])
    assert dict(found.reading.columns) == {"text": "note"}
    assert decide(compose(words_of(found))).model.option_name() == model


def test_a_task_that_reads_no_file_is_refused_with_those_that_do(tmp_path):
    with pytest.raises(DataError, match="task=airline does not read a file of yours.*retrieval.*text_classification"):
        look(write(tmp_path, "notes.csv", NOTES), ["task=airline"])


def test_columns_that_the_typed_task_cannot_read_are_told_with_its_name(tmp_path):
    with pytest.raises(DataError, match=r"task=chat could read \('id':.*are for task=seq2seq"):
        look(write(tmp_path, "notes.csv", NOTES), ["task=chat"])


def test_every_task_that_is_named_here_is_one():
    assert {*FINDERS, *READERS} <= set(options_of("task"))


def test_of_several_columns_of_times_the_one_that_is_called_so_is_taken_or_the_user_is_asked(tmp_path):
    items = write(tmp_path, "items.csv", ITEMS)
    typed = ["task=recommendation", f"task.items={items}"]
    two = table("userId,sku,birth,rated_date,rating",
                lambda n: (f"m{n % 12}", f"s{n * 7 % 11}", f"1990-03-{n % 28 + 1:02}", f"2024-03-{n % 28 + 1:02}", n % 5))  # fmt: skip
    found = look(write(tmp_path, "two.csv", two), typed)
    assert found.reading.columns["timestamp"] == "rated_date"
    assert "at 'rated_date'" in found.reading.why
    unnamed = write(tmp_path, "unnamed.csv", two.replace("rated_date", "rated"))
    with pytest.raises(DataError, match=r"which column is the timestamp(?s:.*)task.timestamp=birth"):
        look(unnamed, typed)
    chosen = look(unnamed, [*typed, "task.timestamp=rated", "task.rating=rating", "task.min_rating=2"])
    assert chosen.reading.columns["timestamp"] == "rated"
    assert not chosen.reading.notes


ODD = {
    "an empty text of items": (
        ITEMS.replace("red", "").replace("blue", ""),
        ["task.text=colour"],
        "no column holds texts",
    ),
    "a name twice among items": ("sku,sku,title\n1,1,a\n", [], "2 columns are called 'sku'"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_items_are_told(name, tmp_path):
    items, words, message = ODD[name]
    typed = ["task=recommendation", f"task.items={write(tmp_path, 'items.csv', items)}", *words]
    with pytest.raises(DataError, match=message):
        look(write(tmp_path, "took.csv", TOOK), typed)


def test_a_column_of_classes_is_no_side_of_a_pair_unless_its_name_says_so(tmp_path):
    rows = table("title,category", lambda n: (english(n), "ab"[n % 2]))
    for task in ("retrieval", "seq2seq"):
        with pytest.raises(DataError, match="reads two columns of texts, and 1 is here"):
            look(write(tmp_path, "titles.csv", rows), [f"task={task}"])


def test_one_column_or_three_are_no_pair(tmp_path):
    with pytest.raises(DataError, match="reads two columns, and task.text names 1"):
        look(write(tmp_path, "faq.csv", FAQ), ["task=retrieval", "task.text=question"])


def test_the_name_of_a_column_twice_is_told_of_a_task_that_is_named(tmp_path):
    twice = table("question,question,answer", lambda n: (english(n), english(n), english(n + 1)))
    with pytest.raises(DataError, match="2 columns are called 'question'"):
        look(write(tmp_path, "twice.csv", twice), ["task=retrieval"])
