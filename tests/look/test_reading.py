import pytest

from accel.errors import DataError
from accel.look.columns import Column
from accel.look.reading import Wish, read, require_typed
from tests.look.files import ROWS, english

TEXT = Column("text", [english(n) for n in range(ROWS)])


def column(name, of):
    return Column(name, [of(n) for n in range(ROWS)])


def reading(*columns, words=()):
    return read(columns, Wish.of(words, "my.csv"), "my.csv")


CITY, SHOP = column("city", lambda n: "ab"[n % 2]), column("shop", lambda n: "cde"[n % 3])


def test_two_columns_of_classes_with_no_telling_name_are_refused_with_both_commands():
    with pytest.raises(DataError) as caught:
        reading(TEXT, CITY, SHOP)
    assert "accel my.csv task=text_classification task.label=city" in str(caught.value)
    assert "accel my.csv task=text_classification task.label=shop" in str(caught.value)
    assert reading(TEXT, CITY, SHOP, words=["task.label=shop"]).label == "shop"


def test_a_telling_name_decides_and_the_other_is_told():
    found = reading(TEXT, CITY, column("label", lambda n: "xyz"[n % 3]))
    assert found.label == "label"
    assert found.others == {"'city' has 2 classes": ("task=text_classification", "task.label=city")}


def test_two_columns_of_texts_that_are_as_long_are_refused_with_three_commands():
    other = column("note", lambda n: english(n + 3))
    with pytest.raises(DataError) as caught:
        reading(Column("remark", TEXT.cells), other, CITY)
    said = str(caught.value)
    assert "task.text=remark" in said
    assert "task.text=note" in said
    assert "'task.text=[remark,note]'" in said


def test_the_longer_text_is_read_and_a_telling_name_decides_where_both_are_long():
    title = column("title", lambda n: f"Day {n} was {'good' if n % 2 else 'bad'}")
    assert reading(title, TEXT, CITY).texts == ("text",)
    assert reading(column("remark", lambda n: english(n + 3)), TEXT, CITY).texts == ("text",)


def test_columns_of_0_and_1_are_labels_that_may_all_hold():
    switches = [column(name, lambda n, k=k: n // k % 2) for k, name in enumerate(("toxic", "threat", "insult"), 1)]
    assert reading(TEXT, *switches).columns == {"text": "text", "label": ["toxic", "threat", "insult"]}
    with pytest.raises(DataError, match=r"'task.label=\[toxic,threat\]'"):
        reading(TEXT, *switches[:2])


def test_several_labels_in_a_cell():
    found = reading(TEXT, column("topics", lambda n: ("bug;ui", "ui", "bug")[n % 3]))
    assert (found.task, found.columns["separator"]) == ("multi_label", ";")
    found = reading(TEXT, column("topics", lambda n: [["bug", "ui"], []][n % 2]))
    assert (found.task, found.columns) == ("multi_label", {"text": "text", "label": "topics"})


def test_spans_stand_beside_their_text():
    spans = column("entities", lambda n: [{"start": 0, "end": 3, "label": "X"}])
    assert reading(TEXT, spans).columns == {"text": "text", "spans": "entities"}


def test_nothing_to_learn_is_refused_with_what_each_column_holds():
    with pytest.raises(DataError, match="'text': texts.*language_modeling"):
        reading(TEXT)
    with pytest.raises(DataError, match="no column was found"):
        reading(CITY, SHOP)


def test_a_wish_reads_lists_and_quotes():
    wish = Wish.of(["task.text=[question1,'question 2']", "seed=1"])
    assert wish.columns("text") == ["question1", "question 2"]
    assert wish.columns("label") == []


def test_a_column_that_was_typed_and_is_not_there_is_told_first():
    with pytest.raises(
        DataError, match="no column 'stars' for task.label that could be read. Its columns: text, city. A"
    ):
        require_typed([TEXT, CITY], Wish.of(["task.label=stars"]), "my.csv", ["a title"])
    require_typed([TEXT, CITY], Wish.of(["task.label=city"]), "my.csv", [])


def test_what_was_typed_whole_is_trusted():
    """The task says what it cannot read, row by row."""
    price = column("price", lambda n: f"${n}.50")
    found = reading(TEXT, price, words=["task=regression", "task.text=text", "task.label=price"])
    assert (found.task, found.columns) == ("regression", {"text": "text", "label": "price"})
    long = column("kind", lambda n: "ab"[n % 2] * 200)
    assert reading(TEXT, long, words=["task.text=text", "task.label=kind"]).label == "kind"


def test_a_question_whose_answers_do_not_all_stand_in_their_text_is_left_to_the_task():
    columns = [column("question", lambda n: f"what is {english(n)}?"), column("context", english),
               column("answer", lambda n: "unknown" if n % 2 else english(n)[:9])]  # fmt: skip
    assert reading(*columns, words=["task=question_answering"]).columns["answer"] == "answer"


def test_commas_in_numbers_are_told_apart():
    assert Column("price", ["6,967", "1,200", "300"] * 5).holds == "numbers with commas between thousands"
    assert Column("price", ["6,9", "1,25", "300"] * 5).holds == "numbers with a decimal comma"
