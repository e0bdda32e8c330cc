"""One vector of a text, inside of the network."""

import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.objective.retrieval import Retrieval
from accel.ops.embedder import mean_vector
from accel.weights import artifact


@pytest.fixture
def network():
    return TinyBert().network(Retrieval()).eval()


def inputs(*lengths, width=16):
    ids = torch.arange(len(lengths) * width).view(len(lengths), width) % 90 + 5
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    return {"input_ids": ids * mask, "attention_mask": mask.long()}


def test_it_is_the_mean_over_real_tokens_with_length_one():
    hidden = torch.randn(2, 4, 3)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    for row, count, found in zip(hidden, (2, 4), mean_vector(hidden, mask), strict=True):
        mean = row[:count].mean(0)
        torch.testing.assert_close(found, mean / mean.norm())


def test_padding_does_not_count(network):
    with torch.inference_mode():
        padded, alone = network(**inputs(5, 16)).logits[0], network(**inputs(5, width=5)).logits[0]
    ids = inputs(5, 16)["input_ids"][0, :5]
    assert torch.equal(ids, inputs(5, width=5)["input_ids"][0])
    torch.testing.assert_close(padded, alone, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(padded.norm(), torch.tensor(1.0))


def test_every_weight_learns(network):
    """A pooler that nobody reads would hang a strategy that waits for its gradient."""
    network(**inputs(5, 16)).logits[:, 0].sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_it_is_saved_and_loaded_again(network, tmp_path):
    facts = {**Retrieval().artifact_facts(), "max_length": 16, "num_text_columns": 1}
    artifact.save_model(network, TinyBert().tokenizer(), tmp_path, **facts)
    with torch.inference_mode():
        again = artifact.load_model(tmp_path)(**inputs(5, 16)).logits
        assert torch.equal(again, network(**inputs(5, 16)).logits)


@pytest.mark.parametrize("family", ["RobertaConfig", "XLMRobertaConfig", "DistilBertConfig"])
def test_other_encoders_have_one(family):
    import transformers

    sizes = {"vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    other = {"vocab_size": 99, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
    config = getattr(transformers, family)(**(other if family.startswith("Distil") else sizes), intermediate_size=32)
    found = Retrieval().auto_class().from_config(config).eval()
    assert found(**inputs(5, 16)).logits.shape == (2, 16)
