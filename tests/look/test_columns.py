import pytest

from accel.look.columns import Column


def column(*cells, name="c", times=1):
    return Column(name, list(cells) * times)


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (column("a", "b", times=6), "classes: a (6), b (6)"),
        (column(*range(1, 50), name="row"), "numbers or names of rows"),
        (column("2024-01-02", "2024-01-03", times=9), "times"),
        (column("https://a.example/1", "https://a.example/2"), "links or addresses"),
        (column("train", "test", times=9), "the split of a row"),
        (column(*(f"the text number {n} is long enough" for n in range(9))), "texts"),
        (column("a|b", "b", "a", times=9), "several labels, with '|' between"),
        (column(["O", "B-PER"], ["O"]), "lists of tags"),
        (column(["a", "b"]), "lists of words"),
        (column([{"start": 0, "end": 1, "label": "X"}]), "lists of spans"),
        (column([{"role": "user", "content": "hi"}]), "conversations"),
        (column([{"who": "user", "said": "hi"}]), "lists"),
        (column("1.5", "2.5", "3.5", "7"), "numbers"),
        (column(None, "", float("nan")), "nothing"),
        (column("a7-11", "b7-12", "c8-99"), "numbers or names of rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_column_holds_is_told_by_its_values(found, holds):
    assert found.holds == holds


def test_a_sentence_with_commas_holds_no_labels():
    assert not column(*(f"good, but {n} days late, sadly" for n in range(30))).parts


def test_numbers_that_rise_far_apart_count_no_rows():
    assert column("10", "500.5", "90000", name="price").measures


def test_gaps_are_counted_and_are_no_values():
    found = column("a", None, " ", "b")
    assert (found.empty, found.values) == (2, ["a", "b"])


def test_a_name_is_cut_into_its_words():
    assert column(name="airlineSentiment_gold2").words == ["airline", "sentiment", "gold", "2"]


@pytest.mark.parametrize("sign", ["；", "，", "、", ";", "|"])
def test_several_labels_may_stand_between_signs_of_chinese(sign):
    labels = ["服务", "价格", "物流", "质量"]
    cells = [sign.join(sorted({labels[n % 4], labels[n // 4 % 4]})) for n in range(80)]
    assert Column("标签", cells).parts == sign
