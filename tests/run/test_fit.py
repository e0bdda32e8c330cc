from types import SimpleNamespace

import pytest
import torch

from accel.checkpoint.sharded import drop_before
from accel.config.compose import compose
from accel.core.facts import Evidence
from accel.errors import LostError, NoEffectError
from accel.plan.decide import decide
from accel.run.fit import _checkpoints, _evidence, _threads
from accel.strategy.single import Single


@pytest.mark.fault("R9")
def test_equal_seeds_give_equal_weights_and_another_seed_does_not(train):
    runs = [train("trainer.max_steps=4", f"seed={seed}")[0].model.state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(runs[0].values(), runs[1].values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(runs[0].values(), runs[2].values(), strict=True))


def test_keeps_the_last_checkpoint_and_nothing_that_no_one_reads(train):
    _, _, folder = train("trainer.max_steps=20")
    last = folder / "checkpoints" / "last.ckpt"
    assert {p.name for p in last.parent.iterdir()} <= {"last.ckpt", ".last.ckpt.old"}
    drop_before(last)
    assert [p.name for p in last.parent.iterdir()] == ["last.ckpt"]


def test_threads_are_shared_and_given_back():
    before = torch.get_num_threads()
    with _threads(before):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("said", "raised"), [("Connection closed by peer", LostError), ("out of memory", RuntimeError)]
)
def test_a_process_that_is_lost_while_the_parts_are_collected_is_told(train, monkeypatch, said, raised):
    def lost(self, model):
        raise RuntimeError(f"[pair.cc:534] {said} [127.0.0.1]:5000")

    monkeypatch.setattr(Single, "collect", lost)
    with pytest.raises(raised) as found:
        train()
    assert type(found.value) is raised


def test_the_last_checkpoint_alone_is_kept_as_often_as_asked_for(tmp_path):
    (last,) = _checkpoints(decide(compose(["model=tiny_bert", "trainer.checkpoint_every_steps=5"])), tmp_path)
    assert (last.monitor, last._every_n_train_steps, last.save_weights_only) == (None, 5, False)
    (private,) = _checkpoints(decide(compose(["model=tiny_bert", "privacy=dpsgd"])), tmp_path)
    assert (private.monitor, private._every_n_epochs) == (None, 1)
    assert _checkpoints(decide(compose(["model=tiny_bert"])), None) == []


class Shows:
    """A technique that shows what it is told to."""

    group = "compression"

    def __init__(self, name, evidence):
        self.option_name, self.shown, self.saw = lambda: name, evidence, None

    def evidence(self, model, history):
        self.saw = history
        return self.shown


def test_a_technique_that_shows_no_effect_fails_the_run():
    acted, silent = Shows("acted", Evidence(True, {"removed": 3}, "some")), Shows("silent", None)
    idle = Shows("idle", Evidence(False, {"removed": 0}, "some"))
    found = _evidence(
        SimpleNamespace(techniques=[acted, silent]), None, {"train/loss": [1.0], "validation/loss": [2.0]}
    )
    assert found == {"acted": {"removed": 3}}
    assert acted.saw == {"loss": [1.0], "validation/loss": [2.0]}
    with pytest.raises(NoEffectError, match="compression=idle shows no effect.*expected some, found {'removed': 0}"):
        _evidence(SimpleNamespace(techniques=[acted, idle]), None, {})


@pytest.mark.parametrize(
    "words",
    [
        ("compression=[qat]", "compression.qat.begin=0.3", "compression.qat.full_precision=0.4"),
        *(
            pytest.param(words, marks=pytest.mark.slow)
            for words in (
                ("compression=[qat]", "compression.qat.begin=0.5"),
                ("compression=[ptq]",),
                ("compression=[prune,qat]",),
                ("compression=[mask]",),
                ("compression=[distill]",),
                ("tuning=lora", "compression=[qat]"),
            )
        ),
    ],
    ids=" ".join,
)
def test_a_run_stopped_after_its_last_step_goes_on_to_the_same_model(train, words):
    fitted, _, folder = train(*words)
    again, _, _ = train(*words, checkpoint=folder / "checkpoints" / "last.ckpt", folder=folder)
    assert (again.steps, again.evidence) == (fitted.steps, fitted.evidence)
    states = fitted.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))
