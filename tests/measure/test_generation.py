import pytest
import torch

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
