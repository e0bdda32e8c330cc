from accel.report.coloured import colour, coloured, key


def test_a_text_stands_as_it_was_given_with_its_words_marked():
    page = coloured(["a  bad\ncrew!", "<b>"], ["bad", "<b>"], [2.0, -1.0], [(0, 3, 6), (1, 0, 3)])
    first, second = page.split("</p>")[:2]
    assert (
        first == f'<p class="words" dir="auto">a  <mark title="+2.000" style="background:{colour(1)}">bad</mark>\ncrew!'
    )
    assert second.endswith(f'<mark title="-1.000" style="background:{colour(-0.5)}">&lt;b&gt;</mark>')


def test_words_that_did_nothing_have_no_colour():
    assert ",0.00)" in coloured(["a"], ["a"], [0.0], [(0, 0, 1)])


def test_the_key_names_what_the_method_knows():
    assert key(has_sign=True).count("<mark") == 2
    assert key(has_sign=False).count("<mark") == 1
