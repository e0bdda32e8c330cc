import pytest

from accel.data.script import language_of, scripts_of, without_spaces


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["the flight was late", "i was not happy with it"], "English"),
        (["Stocks fall for the third day as banks warn", "Minister to resign over the budget"], "English"),
        (["El vuelo llegó tarde y nadie explicó nada"], "Latin script"),
        (["Der Flug hatte vier Stunden Verspätung"], "Latin script"),
        (["房间很干净，服务员也热情", "iPhone 15 屏幕很好"], "Chinese"),
        (["部屋はとてもきれいでした"], "Japanese"),
        (["방이 아주 깨끗했어요"], "Korean"),
        (["Рейс опоздал на час"], "Cyrillic script"),
        (["123 456"], "no letters"),
    ],
)
def test_a_language_is_told_by_script_and_english_by_its_words(texts, language):
    assert language_of(texts) == language


def test_chinese_puts_no_spaces_between_words_and_english_does():
    assert without_spaces(["房间很干净 wifi"])
    assert not without_spaces(["the room was clean"])
    assert not without_spaces([])


def test_scripts_are_counted_by_letter():
    assert scripts_of(["ab1 房间"]) == {"LATIN": 2, "HAN": 2}
