import torch

from accel.model.tiny_gpt2 import TinyGpt2
from accel.objective.classification import Classification


def test_equal_seeds_give_equal_weights_whatever_ran_before():
    torch.manual_seed(1)
    a = TinyGpt2().network(Classification(["x", "y"]))
    torch.manual_seed(2)
    b = TinyGpt2().network(Classification(["x", "y"]))
    c = TinyGpt2(weights_seed=1).network(Classification(["x", "y"]))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert any(not torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


def test_reads_any_text():
    model, tokenizer = TinyGpt2().network(Classification(["x", "y"])).eval(), TinyGpt2().tokenizer()
    batch = tokenizer(["late again", "航班取消了"], padding=True, return_tensors="pt")
    assert model(**batch).logits.shape == (2, 2)
    assert model.config.model_type == TinyGpt2().family() == "gpt2"
