from types import SimpleNamespace

import pytest
import torch
from torch import nn

from accel.measure.generation import NEW_TOKENS, PROMPT_TOKENS, speeds, step
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.objective.language_modeling import LanguageModelling


@pytest.mark.parametrize("option", [TinyGpt2(), TinyLlama()], ids=lambda o: o.option_name())
def test_writing_with_the_cache_gives_what_writing_without_it_gives(option):
    model = option.network(LanguageModelling()).eval()
    ids, found = torch.arange(10)[None] + 20, (torch.arange(10)[None] + 20, None)
    for _ in range(6):
        found = step(model, *found)
        with torch.inference_mode():
            expected = model(input_ids=ids).logits[:, -1:].argmax(-1)
        assert torch.equal(found[0], expected)
        ids = torch.cat([ids, found[0]], dim=1)


def test_every_model_has_its_figures():
    models = {"before": TinyLlama(num_layers=4), "after": TinyLlama(num_layers=1)}
    found = speeds({side: o.network(LanguageModelling()).eval() for side, o in models.items()}, rounds=2)
    assert set(found) == {"before", "after"}
    for speed in found.values():
        assert speed["decode_tokens_per_s"] > 0 < speed["prefill_tokens_per_s"]
        assert (speed["prompt_tokens"], speed["new_tokens"], speed["rounds"]) == (PROMPT_TOKENS, NEW_TOKENS, 2)


class Clock:
    """Says what models have taken, however busy the machine is."""

    now = 0.0

    def perf_counter(self):
        return Clock.now


class Writer(nn.Module):
    """Reads a prompt in so many seconds, and writes a token in so many, and notes what it was given."""

    config = SimpleNamespace(vocab_size=50)

    def __init__(self, name, calls, read, write):
        super().__init__()
        self.name, self.calls = name, calls
        self.read, self.write = iter(read), write

    def forward(self, input_ids, past_key_values, use_cache):
        assert use_cache
        reads = past_key_values is None
        self.calls.append((self.name, input_ids.shape[1]))
        Clock.now += next(self.read) if reads else self.write
        return SimpleNamespace(logits=torch.zeros(1, input_ids.shape[1], 50), past_key_values="cache")


def test_speeds_are_medians_without_the_first_turn_and_models_take_turns(monkeypatch):
    monkeypatch.setattr("accel.measure.generation.time", Clock())
    calls = []
    models = {
        "before": Writer("before", calls, [99, 4, 1, 2], 0.5),
        "after": Writer("after", calls, [99, 1, 8, 1], 0.25),
    }
    found = speeds(models, rounds=3)
    assert [found[name]["prefill_tokens_per_s"] for name in models] == [PROMPT_TOKENS / 2, PROMPT_TOKENS / 1]
    assert [found[name]["decode_tokens_per_s"] for name in models] == [pytest.approx(1 / 0.5), pytest.approx(1 / 0.25)]
    turn = [
        ("before", PROMPT_TOKENS),
        *[("before", 1)] * NEW_TOKENS,
        ("after", PROMPT_TOKENS),
        *[("after", 1)] * NEW_TOKENS,
    ]
    assert calls == turn * 4
