"""Windows cover a context, each of its tokens stands in one with most around it, and answers are whole or not there."""

import numpy as np
import pytest

from accel.data.windows import BEGINS, ELSEWHERE, Window, in_windows, most_context, place_of, starts, unmarked
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5

CONTEXT = "the river near the river was great and bright number 989 and the lamp was cold and the meal was rude"
STRIDE = 8


def read(question="who is it", context=CONTEXT, option=TinyBert, max_length=32, stride=STRIDE):
    (found,) = in_windows(option().tokenizer().backend_tokenizer, [(question, context)], max_length, stride)
    return found


def whole(option=TinyBert):
    return read(max_length=4096, option=option).windows[0]


@pytest.mark.parametrize("option", [TinyBert, TinyT5])
def test_windows_are_the_whole_context_piece_by_piece(option):
    found = read(option=option)
    assert all(len(part) <= 32 for part in found.parts)
    assert not found.is_cut
    offsets = whole(option).offsets
    for begin, window in zip(starts(found.windows, STRIDE), found.windows, strict=True):
        assert (window.offsets == offsets[begin : begin + len(window)]).all()
    assert starts(found.windows, STRIDE)[-1] + len(found.windows[-1]) == len(offsets)
    assert len(found.windows) > 3


def test_a_long_question_is_cut_to_half_a_window_and_that_is_said():
    found = read(question="who was near the river " * 9)
    assert found.is_cut
    assert all(len(window) > STRIDE for window in found.windows[:-1])
    assert max(len(part) for part in found.parts) == 32


def test_what_spells_a_special_token_is_letters():
    assert read(context="[SEP] ann", max_length=64).parts[0].special_tokens_mask == [1, *[0] * 9, 1, *[0] * 9, 1]


def test_each_token_belongs_to_the_window_that_shows_most_around_it():
    """Beside a loop over windows, as SQuAD's preprocessing has it."""
    windows = read().windows
    begins = starts(windows, STRIDE)
    owned = most_context(windows, STRIDE)
    for token in range(begins[-1] + len(windows[-1])):
        room = {}
        for n, (begin, window) in enumerate(zip(begins, windows, strict=True)):
            if begin <= token < begin + len(window):
                room[n] = min(token - begin, begin + len(window) - 1 - token)
        best = max(room, key=lambda n: (room[n], -n))
        holders = [n for n in room if owned[n][token - begins[n]]]
        assert holders == [best]


def test_an_answer_is_found_in_every_window_that_holds_all_of_it():
    found = read()
    begin = CONTEXT.index("bright")
    places = place_of((begin, begin + 6), found.windows, STRIDE)
    for window, place in zip(found.windows, places, strict=True):
        first, last = window.offsets[0, 0], window.offsets[-1, 1]
        assert (place is not None) == bool(first <= begin and begin + 6 <= last)
        if place is not None:
            start, end = (window.offsets[p - window.first] for p in place)
            assert CONTEXT[start[0] : end[1]] == "bright"
    assert {place is None for place in places} == {True, False}


def test_an_answer_longer_than_a_window_and_one_without_tokens_are_nowhere():
    windows = read().windows
    assert set(place_of((0, len(CONTEXT)), windows, STRIDE)) == {None}
    assert set(place_of((500, 504), windows, STRIDE)) == {None}


def test_marks_are_read_back_as_they_were_written():
    found = read()
    marks = np.concatenate([w.marked(len(p)) for w, p in zip(found.windows, found.parts, strict=True)])
    back = unmarked(marks)
    assert [(some.stop - some.start, window.first) for some, window in back] == [
        (len(p), w.first) for w, p in zip(found.windows, found.parts, strict=True)
    ]
    for (_, window), original in zip(back, found.windows, strict=True):
        assert (window.offsets == original.offsets).all()
    assert set(marks[marks[:, 0] < 0].ravel()) == {BEGINS, ELSEWHERE}


def test_a_context_without_tokens_is_a_window_all_the_same():
    windows = read(context="").windows
    assert [len(w) for w in windows] == [0]
    assert place_of((0, 1), windows, STRIDE) == [None]
    assert [len(marks) for marks in most_context(windows, STRIDE)] == [0]
    assert len(Window.of_tokens([None, 0], [(0, 0), (0, 3)])) == 0
