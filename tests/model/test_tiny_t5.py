import torch

from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification


def test_equal_seeds_give_equal_weights_whatever_ran_before():
    torch.manual_seed(1)
    a = TinyT5().network(Classification(["x", "y"]))
    torch.manual_seed(2)
    b = TinyT5().network(Classification(["x", "y"]))
    c = TinyT5(weights_seed=1).network(Classification(["x", "y"]))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert any(not torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


def test_reads_any_text():
    model, tokenizer = TinyT5().network(Classification(["x", "y"])).eval(), TinyT5().tokenizer()
    batch = tokenizer(["late again", "航班取消了"], padding=True, return_tensors="pt")
    assert model(**batch).logits.shape == (2, 2)
    assert model.config.model_type == TinyT5().family() == "t5"
