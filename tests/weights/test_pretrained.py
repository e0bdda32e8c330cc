import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from accel.errors import DataError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.weights.pretrained import load_config, load_network, load_tokenizer, quiet

OBJECTIVE = Classification(["a", "b"])


def saved(option, folder, **changes):
    """A folder as ``save_pretrained`` leaves it, its configuration changed."""
    OBJECTIVE.auto_class().from_config(OBJECTIVE.configured(option().config())).save_pretrained(folder)
    option().tokenizer().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_an_unknown_architecture_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nobodys-architecture"}')
    with pytest.raises(DataError, match="knows no architecture 'nobodys-architecture'"):
        load_config(tmp_path, "model.path")


def test_quiet_gives_the_verbosity_back():
    from transformers.utils import logging

    before = logging.get_verbosity()
    with quiet():
        assert logging.get_verbosity() > before
    assert logging.get_verbosity() == before


@pytest.mark.parametrize("part", ["bert.encoder.layer.1.output.dense.weight", "bert."])
def test_a_body_of_random_weights_is_refused(tmp_path, part):
    """transformers makes up what is missing, and says so only where it is not silenced."""
    folder = saved(TinyBert, tmp_path)
    state = load_file(folder / "model.safetensors")
    assert load_network(folder, OBJECTIVE, "model.path")
    kept = {(f"module.{name}" if name.startswith(part) else name): value for name, value in state.items()}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"model.path=.* it lacks weights \(bert\."):
        load_network(folder, OBJECTIVE, "model.path")


def test_a_head_may_be_new_only_where_it_is_trained(tmp_path):
    folder = saved(TinyBert, tmp_path)
    other = Classification(["a", "b", "c"])
    assert load_network(folder, other, "model.path")
    with pytest.raises(DataError, match=r"lacks weights of its head \(classifier"):
        load_network(folder, other, "model.path", new_head=False)


def test_a_decoder_that_names_no_padding_tells_it_by_the_tokenizer(tmp_path):
    """GPT-2's configuration names none, and a classifier cannot find a text's last token without it."""
    folder = saved(TinyGpt2, tmp_path, pad_token_id=None)
    model = load_network(folder, OBJECTIVE, "model.path").eval()
    pad = TinyGpt2().tokenizer().pad_token_id
    alone = torch.tensor([[7, 8, 9]])
    padded = torch.nn.functional.pad(alone, (0, 2), value=pad).expand(2, -1)
    expected = model(input_ids=alone, attention_mask=torch.ones_like(alone)).logits
    found = model(input_ids=padded, attention_mask=(padded != pad).long()).logits
    assert torch.allclose(found, expected.expand(2, -1), atol=1e-6)


@pytest.mark.parametrize("model", [TinyBert, TinyGpt2, TinyT5])
def test_a_text_that_spells_special_tokens_holds_none(tmp_path, model):
    """Also once it is saved, and for whoever loads it with transformers alone."""
    made = model().tokenizer()
    made.save_pretrained(tmp_path)
    text = "".join(f"a {token} b" for token in made.all_special_tokens)
    for tokenizer in (made, load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert not set(ids) & set(tokenizer.all_special_ids)
        assert tokenizer.decode(ids).replace(" ", "") == text.replace(" ", "")
    plain = tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]
    assert set(plain) & set(tokenizer.all_special_ids)  # negative control
