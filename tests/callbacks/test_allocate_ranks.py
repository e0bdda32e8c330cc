import pytest
import torch

WORDS = [
    "tuning=adalora",
    "tuning.rank=2",
    "tuning.initial_rank=4",
    "tuning.every_steps=2",
    "tuning.end=0.8",
    "trainer.max_steps=10",
    "trainer.checkpoint_every_steps=6",
]


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False])
def test_a_run_that_stops_while_ranks_are_dealt_out_goes_on_to_the_same_ones(train, monkeypatch, stored):
    """Negative control: without what it has weighed, importance begins anew, and other ranks are left."""
    whole, losses, folder = train(*WORDS)
    if not stored:
        monkeypatch.setattr("accel.callbacks.allocate_ranks.AllocateRanks.load_state_dict", lambda self, state: None)
    resumed, rest, _ = train(*WORDS, checkpoint=folder / "checkpoints" / "last.ckpt")
    assert sorted(rest) == [6, 7, 8, 9]
    pairs = zip(whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs) is stored
    assert rest == {step: loss for step, loss in losses.items() if step >= 6} or not stored
