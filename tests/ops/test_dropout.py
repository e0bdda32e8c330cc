import pytest
import torch

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.dropout import without_dropout


@pytest.mark.parametrize("option", [TinyBert, TinyGpt2, TinyT5])
def test_a_model_in_train_mode_computes_the_same_twice(option):
    model = option().network(Classification(["a", "b"])).train()
    ids = torch.randint(5, 200, (4, 12), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = model.config.eos_token_id or 1
    with torch.no_grad():
        one, two = model(input_ids=ids).logits, model(input_ids=ids).logits
        assert not torch.equal(one, two)
        model = without_dropout(model)
        assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
