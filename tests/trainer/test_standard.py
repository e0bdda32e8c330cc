import pytest
import torch
from torch import nn

from accel.compose import compose
from accel.errors import PlanError
from accel.plan import decide
from accel.trainer import standard
from accel.trainer.standard import Precision, Standard

WRONG = [
    ("trainer.epochs=0", "epochs must be at least 1"),
    ("trainer.max_steps=0", "max_steps must be at least 1"),
    ("trainer.batch_tokens=0", "batch_tokens must be at least 1"),
    ("trainer.batch_size=8", "exactly one of them"),
    ("trainer.batch_tokens=null", "exactly one of them"),
    ("trainer.learning_rate=0", "positive and finite"),
    ("trainer.learning_rate=inf", "positive and finite"),
    ("trainer.learning_rate=nan", "positive and finite"),
    ("trainer.weight_decay=-1", "finite and not negative"),
    ("trainer.gradient_clip=-1", "finite and not negative"),
    ("trainer.warmup=1", "a share of training"),
    ("trainer.checkpoint_every_steps=0", "at least 1"),
]


@pytest.mark.parametrize(("word", "text"), WRONG)
def test_objects_to_values_that_cannot_be(word, text):
    with pytest.raises(PlanError, match=text):
        decide(compose([word]))


def test_bf16_by_name_needs_a_machine_that_has_it(monkeypatch):
    monkeypatch.setattr(standard, "_cpu_flags", lambda: {"sse2"})
    with pytest.raises(PlanError, match="no bf16 units"):
        decide(compose(["trainer.precision=bf16"]))
    monkeypatch.setattr(standard, "_cpu_flags", lambda: {"amx_bf16"})
    decide(compose(["trainer.precision=bf16"]))


def test_auto_is_bf16_only_where_it_is_fast(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for flags, expected in (({"avx512_bf16"}, "32-true"), ({"amx_bf16"}, "bf16-mixed"), (set(), "32-true")):
        monkeypatch.setattr(standard, "_cpu_flags", lambda flags=flags: flags)
        assert Standard().lightning_precision() == expected
    double = Standard(precision=Precision.fp64)
    assert (double.lightning_precision(), double.keeps_double) == ("32-true", True)


def test_norms_and_biases_do_not_decay():
    groups = Standard().optimizer(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))).param_groups
    assert [len(g["params"]) for g in groups] == [1, 3]
    assert [g["weight_decay"] for g in groups] == [0.01, 0.0]


def test_the_rate_rises_to_the_top_and_falls_to_zero():
    settings = Standard(learning_rate=1.0, warmup=0.1)
    optimizer = settings.optimizer(nn.Linear(2, 2))
    schedule = settings.schedule(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02


def test_clips_to_the_norm_and_not_at_zero():
    layer = nn.Linear(4, 4)
    for bound, expected in ((1.0, 1.0), (0.0, 100.0)):
        layer.zero_grad()
        (100 * layer.weight[0, 0]).backward()
        Standard(gradient_clip=bound).clip_gradients(layer)
        assert layer.weight.grad.norm() == pytest.approx(expected, rel=1e-4)
