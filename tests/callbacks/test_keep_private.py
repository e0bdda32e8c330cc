from types import SimpleNamespace

from accel.callbacks.keep_private import KeepPrivate


def trainer_and_module(exhausted):
    ledger = SimpleNamespace(exhausted=exhausted)
    trainer = SimpleNamespace(should_stop=False, strategy=SimpleNamespace(model=None))
    return trainer, SimpleNamespace(step=SimpleNamespace(ledger=ledger, canaries=None))


def test_stops_when_the_budget_is_spent_and_not_before():
    for exhausted in (False, True):
        trainer, module = trainer_and_module(exhausted)
        KeepPrivate(None).on_train_batch_end(trainer, module, None, None, 0)
        assert trainer.should_stop is exhausted


def test_a_run_resumed_with_nothing_left_does_not_begin():
    trainer, module = trainer_and_module(True)
    KeepPrivate(None).on_train_start(trainer, module)
    assert trainer.should_stop
