from types import SimpleNamespace

import torch

from accel.config.compose import compose
from accel.data.calibration import NUM_EXAMPLES, calibration_batches
from accel.data.prepared import prepare
from accel.model.tiny_bert import TinyBert
from accel.plan.decide import decide


def test_training_examples_or_a_public_text(tiny_run, tmp_path):
    plan = decide(compose(tiny_run))
    data = prepare(plan.task.load(0), plan)
    first, again = (list(calibration_batches(data, None, "key")) for _ in range(2))
    assert "labels" not in first[0]
    assert NUM_EXAMPLES / 2 < sum(len(b["input_ids"]) for b in first) < 2 * NUM_EXAMPLES
    assert all(torch.equal(a["input_ids"], b["input_ids"]) for a, b in zip(first, again, strict=True))
    (tmp_path / "public.txt").write_text("a line of everybody")
    ((public),) = calibration_batches(data, str(tmp_path / "public.txt"), "key")
    assert len(public["input_ids"]) == 1


def test_a_public_text_takes_the_place_of_the_examples(tmp_path):
    """Whose private examples must not be looked at: there are none here."""
    (tmp_path / "public.txt").write_text("one\ntwo\nthree\n")
    data = SimpleNamespace(tokenizer=TinyBert().tokenizer(), train=None)
    (batch,) = calibration_batches(data, str(tmp_path / "public.txt"), "key")
    assert len(batch["input_ids"]) == 3
