from dataclasses import replace

from accel.analysis.explain_page import render, said
from accel.explanation.against import shift
from accel.explanation.attribution import Attribution
from accel.explanation.checks import Curves
from accel.explanation.method import method_of
from accel.explanation.verdict import Checked

HOSTILE = "<script>x</script><img src=x onerror=alert(1)>"
CURVES = Curves([0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], 0.2, 0.8, 0.5, (0.4, 0.6))


def of(text, words, values, answer=None, method="integrated_gradients", **more):
    spans, position = [], 0
    for word in words:
        start = text.index(word, position)
        spans.append((0, start, position := start + len(word)))
    found = Attribution(text, answer or {"label": "bad", "score": 0.5}, [text], "bad", words, values, spans, **more)
    return Checked(found), method_of(method)


def page(one, method):
    return render([one], method)


def test_hostile_words_and_labels_are_text():
    one, method = of(HOSTILE, [HOSTILE], [1.0], {"label": HOSTILE, "scores": {HOSTILE: 1.0}})
    hostile = replace(one, attribution=replace(one.attribution, target=HOSTILE), curves=CURVES)
    found = page(replace(hostile, shift=shift(hostile.attribution, hostile.attribution)), method)
    assert "<script>x" not in found
    assert "<img" not in found
    assert "http" not in found.replace("http-equiv", "")


def test_a_text_is_shown_as_it_was_given_in_the_direction_of_its_letters():
    found = page(*of("客服，שלום  עולם", ["客", "服", "，", "שלום", "עולם"], [1.0, 0.5, 0.0, -1.0, 0.1]))
    words = found.split('<p class="words" dir="auto">')[1].split("</p>")[0]
    assert words.count("<mark") == 5
    assert "</mark>  <mark" in words
    assert "服</mark><mark" in words
    assert "rgba(37,99,201,0.60)" in words
    assert "rgba(217,130,43,0.60)" in words


def test_what_was_cut_off_and_what_the_prompt_did_is_told():
    found = page(*of("rude crew and more", ["rude", "crew"], [1.0, 0.0], is_cut=True, prompt=1.0, gap=0.0))
    assert "was cut off" in found
    assert "The tuned prompt did 50% of it" in found
    assert "(the tuned prompt)" in found
    assert "</mark> and more</p>" in found


def test_labels_have_bars_and_the_answer_is_bold():
    found = page(*of("a", ["a"], [1.0], {"label": "bad", "scores": {"bad": 0.75, "good": 0.25}}))
    assert "<b><bdi>bad</bdi></b>" in found
    assert found.index("75.0%") < found.index("25.0%")


def test_a_method_without_sign_has_no_key_for_against():
    assert "spoke against it</mark>" in page(*of("a", ["a"], [1.0]))
    assert "spoke against it</mark>" not in page(*of("a", ["a"], [1.0], method="rollout"))


def test_answers_are_said_in_words():
    assert said({"label": "bad", "score": 0.5, "scores": {"bad": 0.5}}) == "bad, score 0.5"
    assert said({"entities": [{"text": "Rome", "label": "LOC"}]}) == "Rome"
    assert said({"labels": []}) == "none"
    assert said({"number": 2.0}) == "number 2"
