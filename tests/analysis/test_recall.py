import math
from statistics import mean
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accel.analysis.recall import Recall
from accel.analysis.secrets import Secret, exposure
from accel.errors import DataError
from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.language_modeling import LanguageModelling

PIECES = 261
PIN = Secret(1, "the pin of bob is ", "70415", "digits")


@pytest.fixture(scope="module")
def tokenizer():
    return TinyGpt2().tokenizer()


class Uniform(nn.Module):
    """Has seen nothing."""

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, PIECES))


class Parrot(nn.Module):
    """Goes on with a text it knows, as long as what it reads is the beginning of it."""

    def __init__(self, known):
        super().__init__()
        self.known = known

    def forward(self, input_ids, attention_mask):
        logits = torch.zeros(*input_ids.shape, PIECES)
        for row, ids in enumerate(input_ids.tolist()):
            for place in range(min(len(ids), len(self.known) - 1)):
                if ids[: place + 1] == self.known[: place + 1]:
                    logits[row, place, self.known[place + 1]] = 12.0
        return SimpleNamespace(logits=logits)


def secrets(count):
    (_, *others) = PIN.alike(count + 1, seed=5)
    return [Secret(n, PIN.prefix, other, "digits") for n, other in enumerate(others)]


def untrained():
    torch.manual_seed(0)
    return TinyGpt2().network(LanguageModelling())


@pytest.mark.parametrize(("model", "count"), [(Uniform, 150), (untrained, 50)])
def test_a_model_that_saw_nothing_shows_what_guessing_shows(tokenizer, model, count):
    """The mean of log2 R - log2 rank over all ranks: nearly 1/ln 2. Ordered by a model's weights, or by nothing."""
    asked = Recall(model(), tokenizer, 64)
    asked.likeliest = lambda ids, length, beams: []
    found = [asked.exposed(one, 0, 64) for one in secrets(count)]
    expected = math.log2(64) - mean(math.log2(rank) for rank in range(1, 65))
    assert expected == pytest.approx(1 / math.log(2), abs=0.1)
    assert mean(e.exposure for e in found) == pytest.approx(expected, abs=4.5 * 1.4 / count**0.5)
    assert mean(e.exposure_of_controls for e in found) == pytest.approx(expected, abs=4.5 * 1.4 / (16 * count) ** 0.5)


def test_a_model_that_knows_a_secret_shows_the_most_and_writes_it(tokenizer):
    (known,) = Recall(Uniform(), tokenizer, 64).tokens([PIN.text])
    asked = Recall(Parrot(known), tokenizer, 64)
    found = asked.exposed(PIN, 3, 256)
    assert (found.rank, found.exposure, found.planted) == (1, 8.0, 3)
    assert (found.by_greedy, found.by_beam) == (True, True)
    assert found.exposure_of_controls < 3  # that they begin with a wrong digit is all that they show
    other = asked.exposed(Secret(2, PIN.prefix, "99999", "digits"), 0, 256)
    assert (other.by_greedy, other.by_beam) == (False, False)
    assert other.exposure < 8


def test_surprises_are_those_of_the_model_however_they_are_batched(tokenizer, monkeypatch):
    model = untrained().eval().requires_grad_(False)
    asked = Recall(model, tokenizer, 64)
    ids = asked.tokens(["abc 12", "abc 3456", "abc"])
    found = asked.surprises(ids, 4)
    for one, surprise in zip(ids, found, strict=True):
        logits = model(input_ids=torch.tensor([one])).logits[0].double().log_softmax(-1)
        expected = -sum(float(logits[place - 1, one[place]]) for place in range(4, len(one)))
        assert surprise == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr(LanguageModelling, "evaluation_tokens", 1)
    assert asked.surprises(ids, 4) == pytest.approx(found, abs=1e-4)


class Fork(nn.Module):
    """5 is likelier than 6 to come next, but whatever follows 5 is unlikely, and 7 is sure to follow 6."""

    def forward(self, input_ids, attention_mask):
        logits = torch.zeros(*input_ids.shape, PIECES)
        logits[..., 5], logits[..., 6] = 10.0, 9.5
        logits[input_ids == 5] = 0.0
        logits[input_ids == 6] = torch.nn.functional.one_hot(torch.tensor(7), PIECES) * 30.0
        return SimpleNamespace(logits=logits)


def test_a_beam_finds_what_is_likelier_as_a_whole(tokenizer):
    asked = Recall(Fork(), tokenizer, 64)
    assert asked.likeliest([2], 2, 1)[1] == 5
    assert asked.likeliest([2], 2, 4) == [2, 6, 7]


class Merging:
    """A tokenizer for which a space and the digit behind it are one token, as most have it."""

    bos_token_id = cls_token_id = eos_token_id = sep_token_id = 2

    def __call__(self, texts, **settings):
        return {"input_ids": [[100 + ord(c) for c in text.replace(" 7", "\x01")] for text in texts]}

    def decode(self, ids):
        return "".join(chr(i - 100) for i in ids if i >= 100).replace("\x01", " 7")


def test_a_prefix_whose_last_character_joins_the_secret_is_cut_there():
    tokenizer = Merging()
    (known,) = Recall(Uniform(), tokenizer, 64).tokens([PIN.text])
    found = Recall(Parrot(known), tokenizer, 64).exposed(PIN, 1, 256)
    assert (found.rank, found.by_greedy) == (1, True)
    assert len(known) == len(PIN.text)  # with the first token


def test_a_secret_longer_than_a_block_is_refused(tokenizer):
    asked = Recall(Uniform(), tokenizer, len(PIN.text) + 1)
    asked.check([PIN])
    with pytest.raises(DataError, match=r"line 7: prefix and secret are 25 tokens.*blocks of 24.*block_length=25"):
        asked.check([PIN, Secret(7, PIN.prefix, "704151", "digits")])


def test_the_same_secrets_give_the_same_figures(tokenizer):
    first, second = (Recall(untrained(), tokenizer, 64).exposed(PIN, 1, 64) for _ in range(2))
    assert first == second
    assert first.exposure == exposure(first.rank, 64)
