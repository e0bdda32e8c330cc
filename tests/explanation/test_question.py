from types import SimpleNamespace

import pytest
import torch

from accel.explanation.question import Question, owners_with_prompt


def of(owners, num_words, text):
    """A question whose number is the sum of all embeddings."""
    network = SimpleNamespace(logits_at=lambda inputs, points: points.sum((1, 2))[:, None])
    text = torch.tensor(text)[:, None]
    empty = torch.where(torch.tensor(owners)[:, None] >= 0, 0.0, text)
    return Question(network, {}, (0,), torch.tensor(owners), num_words, text, empty)


def test_what_belongs_to_no_unit_is_always_shown():
    asked = of([-1, 0, 0, 1, -1], 2, [100.0, 1.0, 2.0, 4.0, 1000.0])
    kept = torch.tensor([[False, False], [True, False], [False, True], [True, True]])
    assert asked.shown(kept).tolist() == [1100, 1103, 1104, 1107]
    assert asked.ends == (1100, 1107)
    assert asked.difference == 7
    assert not asked.has_prompt


def test_a_prompt_is_one_more_unit():
    owners = owners_with_prompt([-1, 0, 1, -1], 2, 1, 3)
    assert owners.tolist() == [-1, 2, 2, 2, 0, 1, -1]
    asked = of(owners.tolist(), 2, [0.0, 1.0, 1.0, 1.0, 5.0, 6.0, 0.0])
    assert (asked.has_prompt, asked.num_units) == (True, 3)
    assert asked.by_unit(asked.text[:, 0]).tolist() == [5, 6, 3]


def test_a_text_that_was_cut_before_its_prompt_has_no_words():
    assert owners_with_prompt([-1, -1], 0, 1, 2).tolist() == [-1, 0, 0, -1]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 10.0), (0.5, 11.0), (1.0, 12.0)])
def test_the_way_is_straight(share, expected):
    asked = of([-1, 0], 1, [10.0, 2.0])
    assert float(asked.logits(asked.on_the_way(torch.tensor([share])))) == expected
