import math
import random

import pytest

from accel.callbacks.tell_spikes import LOSS_TIMES, NORM_TIMES, Spikes, TellSpikes
from accel.core.console import Console


def course(seed, steps=300):
    """A loss that falls, with the noise of small batches."""
    draw = random.Random(seed)
    return [3 * math.exp(-step / 60) * draw.lognormvariate(0, 0.5) + 0.01 for step in range(steps)]


@pytest.mark.fault("N2")
@pytest.mark.parametrize(("times", "jump"), [(LOSS_TIMES, 50), (NORM_TIMES, 100)])
def test_a_jump_is_found_at_its_step_and_nothing_else_is(times, jump):
    for seed in range(20):
        values = course(seed)
        calm = Spikes(times)
        assert [v for v in values if calm.ratio(v)] == []
        spikes, at = Spikes(times), 20 + 5 * seed
        values[at] = jump * max(values[at], 0.3)
        assert [step for step, v in enumerate(values) if spikes.ratio(v)] == [at]


def test_without_a_threshold_nothing_is_found():
    spikes = Spikes(math.inf)
    assert not [v for v in [*course(0), 1e9] if spikes.ratio(v)]


def test_it_says_so_a_few_times(capsys):
    tell = TellSpikes(Console(None))
    for step in range(100):
        tell._watch("loss", 1.0 if step % 10 or step < 20 else 60.0, step)
    said = capsys.readouterr().out
    assert "Spike at step 20: the loss is 60, 60 times the usual" in said
    assert said.count("Spike at step") == 5
    assert "not told" in said


def test_training_is_watched(train, monkeypatch):
    seen = []
    monkeypatch.setattr(TellSpikes, "_watch", lambda self, name, value, step: seen.append((name, step)))
    train("trainer.max_steps=2")
    assert seen == [("loss", 1), ("gradient's norm", 1), ("loss", 2), ("gradient's norm", 2)]
