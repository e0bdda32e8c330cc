import pytest
import torch

from accel.errors import LostError
from accel.run.fit import _threads
from accel.strategy.single import Single


def test_equal_seeds_give_equal_weights_and_another_seed_does_not(train):
    runs = [train("trainer.max_steps=4", f"seed={seed}")[0].model.state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(runs[0].values(), runs[1].values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(runs[0].values(), runs[2].values(), strict=True))


def test_keeps_the_last_and_the_best_checkpoint(train):
    _, _, folder = train("trainer.max_steps=20")
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


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
