"""Hard negatives: which passages stand beside a pair, and what is refused."""

import pytest

from accel.config.compose import compose
from accel.data.examples import Example, Tally
from accel.errors import DataError, PlanError
from accel.plan.decide import decide
from accel.task._pairs import plain
from accel.task._passages import with_hard_negatives
from accel.task.retrieval import Retrieval

PAIRS = [
    ("where is my bag", "the bag is at gate 7"),
    ("Where is  my bag", "your bag was lost"),
    ("when does gate 7 close", "gate 7 closes at noon"),
    ("where is my bag now", "THE bag is at gate 7"),
    ("is there a meal", "where is my bag"),
    ("hello", "good morning"),
]


def mined(pairs=PAIRS, count=2):
    tally = Tally()
    found = with_hard_negatives(
        [Example(pair, "", f"a.csv, line {n}") for n, pair in enumerate(pairs)], count, tally, ""
    )
    return [example.texts[2:] for example in found], tally.notes


def test_they_share_words_with_the_query_and_are_neither_right_nor_the_query_itself():
    found, _ = mined()
    right = {plain(query): {plain(query)} for query, _ in PAIRS}
    for query, passage in PAIRS:
        right[plain(query)].add(plain(passage))
    for (query, _), others in zip(PAIRS, found, strict=True):
        assert not {plain(text) for text in others} & right[plain(query)]
        assert len({plain(text) for text in others}) == 2
    assert found[0] == found[1]
    assert found[2][0].lower() == "the bag is at gate 7"
    assert found[3][0] == "where is my bag"  # a query of others, and a passage that is wrong here


def test_where_too_few_share_a_word_others_are_drawn_the_same_ones_every_time():
    found, notes = mined()
    assert len(found[5]) == 2
    (note,) = notes
    assert "of hard negatives are drawn" in note
    assert mined() == (found, notes)
    alike = [(f"bag {n}", f"the bag {n}") for n in range(6)]  # negative control
    assert mined(alike)[1] == []


def test_all_that_there_are_can_be_asked_for_and_no_more():
    found, _ = mined(count=2)
    assert all(len(others) == 2 for others in found)
    with pytest.raises(
        DataError, match=r"hard_negatives=3: a\.csv, line 0: in training 2 passages are not right for the q"
    ):
        mined(count=3)


@pytest.fixture
def faq(tmp_path):
    file = tmp_path / "faq.csv"
    file.write_text("query,passage\n" + "\n".join(f"where is bag {n},bag {n} is in room {n % 50}" for n in range(80)))
    return str(file)


def test_training_alone_has_them_and_none_are_of_another_split(faq):
    plain_set, found = Retrieval(train=faq).load(0), Retrieval(train=faq, hard_negatives=3).load(0)
    assert [len(texts) for texts in found.train.texts] == [5] * len(plain_set.train)
    passages = {passage for _, passage in plain_set.train.texts}
    assert {text for texts in found.train.texts for text in texts[2:]} <= passages
    assert [texts[:2] for texts in found.train.texts] == plain_set.train.texts
    assert [found.validation.texts, found.test.texts] == [plain_set.validation.texts, plain_set.test.texts]
    numbers = {
        plain(text): n
        for texts, label in zip(found.train.texts, found.train.labels, strict=True)
        for text, n in zip(texts, label, strict=True)
    }
    assert len(set(numbers.values())) == len(numbers)
    assert found.fingerprint != plain_set.fingerprint
    kinds = [Retrieval(train=faq).objective(data) for data in (plain_set, found)]
    assert [kind.hard_negatives for kind in kinds] == [0, 3]


@pytest.mark.parametrize("count", [-1, 101])
def test_a_number_that_cannot_be_is_refused(count, faq):
    words = ["task=retrieval", f"task.train={faq}", "model=tiny_bert"]
    with pytest.raises(PlanError, match="between 0 and 100"):
        decide(compose([*words, f"task.hard_negatives={count}"]))
    decide(compose([*words, "task.hard_negatives=3"]))
