import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.prompts import Reparametrized, add_prompt, fold, moved, prompted, start_of

IDS = torch.full((2, 9), 7)
IDS[:, -1] = 3
LABELS = Classification(["a", "b"])


@pytest.mark.parametrize(("model_class", "start"), [(TinyBert, 1), (TinyGpt2, 0)])
def test_the_body_reads_the_prompt_behind_the_token_that_it_is_pooled_at(model_class, start):
    model = add_prompt(model_class().network(LABELS), 3).eval()
    seen = []
    prompted(model).register_forward_hook(lambda module, args, output: seen.append((args[0], output)))
    model(input_ids=IDS, attention_mask=torch.ones_like(IDS))
    ((ids, vectors),) = seen
    assert start_of(model) == start
    assert ids.shape == (2, 12)
    assert torch.equal(vectors[0, start : start + 3], prompted(model).prompt.weight)
    assert torch.equal(torch.cat([ids[:, :start], ids[:, start + 3 :]], 1), IDS)


def test_every_table_of_t5_has_the_prompt():
    model = add_prompt(TinyT5().network(LABELS), 3)
    assert model.transformer.encoder.embed_tokens is model.transformer.decoder.embed_tokens is prompted(model)


def test_it_begins_as_tokens_and_alone_learns_in_the_body():
    model = add_prompt(TinyBert().network(LABELS), 3)
    embedding = prompted(model)
    assert all((embedding.weight == row).all(1).any() for row in embedding.prompt.weight)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert [name for name in trained if not name.startswith("classifier")] == [
        "bert.embeddings.word_embeddings.prompt.weight"
    ]
    assert moved(model) == 0


def test_a_network_that_makes_the_prompt_is_folded_into_what_it_made():
    model = add_prompt(TinyBert().network(LABELS), 3, hidden=8).eval()
    assert isinstance(prompted(model).prompt, Reparametrized)
    torch.nn.init.normal_(prompted(model).prompt.network[2].weight)
    assert moved(model) == 0  # no text had it
    model.train()(input_ids=IDS)
    assert moved(model.eval()) > 0
    expected = model(input_ids=IDS).logits
    fold(model)
    assert isinstance(prompted(model).prompt, torch.nn.Embedding)
    assert torch.equal(model(input_ids=IDS).logits, expected)


def test_its_vectors_are_those_of_different_tokens():
    """Vectors that begin alike have the same gradients but for their positions."""
    torch.manual_seed(0)
    assert len(prompted(add_prompt(TinyBert().network(LABELS), 8)).prompt.weight.unique(dim=0)) >= 7
