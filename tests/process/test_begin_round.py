from types import SimpleNamespace

from accel.process.begin_round import BeginRound


def test_a_round_is_told_its_number_and_by_what_clients_train():
    loop = SimpleNamespace(_batches_that_stepped=8)
    trainer = SimpleNamespace(global_step=7, optimizers=["server"], fit_loop=SimpleNamespace(epoch_loop=loop))
    module = SimpleNamespace(
        model="model", plan=SimpleNamespace(trainer=SimpleNamespace(clip_gradients=lambda m: f"{m} bounded"))
    )
    batch = SimpleNamespace()
    BeginRound().on_train_batch_start(trainer, module, batch, 0)
    assert loop._batches_that_stepped == 7
    assert (batch.number, batch.server, batch.bound()) == (7, "server", "model bounded")
