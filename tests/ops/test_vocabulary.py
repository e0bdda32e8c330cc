import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.vocabulary import _tables, figures, keep_marked, mark

KEPT = [0, 1, 2, 3, 4, *range(10, 100, 3)]


@pytest.mark.parametrize("make", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
def test_a_kept_piece_means_what_it_meant(make):
    model = make().network(Classification(["a", "b"])).eval()
    new = torch.randint(5, len(KEPT), (3, 17), generator=torch.Generator().manual_seed(0))
    new[:, -1] = 3
    old = torch.tensor(KEPT)[new]
    with torch.inference_mode():
        expected = model(input_ids=old, attention_mask=torch.ones_like(old)).logits
        mark(model, KEPT)
        assert figures(model) == {"kept_pieces": len(KEPT), "removed_pieces": 261 - len(KEPT)}
        found = keep_marked(model)(input_ids=new, attention_mask=torch.ones_like(new)).logits
    assert torch.equal(expected, found)
    assert figures(model) == {"kept_pieces": len(KEPT), "removed_pieces": 0}
    assert model.config.vocab_size == len(KEPT)
    assert len({id(table.weight) for table in _tables(model)}) == 1
    for table in (m for m in model.modules() if isinstance(m, torch.nn.Embedding)):
        assert table.num_embeddings == len(table.weight) != 261


def test_the_configuration_speaks_of_new_ids():
    model = TinyBert().network(Classification(["a", "b"]))
    model.config.eos_token_id, model.config.bos_token_id = 20, 22
    model.config.pad_token_id = model.get_input_embeddings().padding_idx = 7
    keep = [3, 7, 20]
    mark(model, keep)
    keep_marked(model)
    assert (model.config.pad_token_id, model.get_input_embeddings().padding_idx) == (1, 1)
    assert (model.config.eos_token_id, model.config.bos_token_id) == (2, None)


def test_nothing_is_cut_without_a_mark():
    model = TinyBert().network(Classification(["a", "b"]))
    before = model.get_input_embeddings().weight
    assert keep_marked(model).get_input_embeddings().weight is before
    assert figures(model)["removed_pieces"] == 0
