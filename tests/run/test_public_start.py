from dataclasses import replace

import pytest

from accel.errors import DataError
from accel.run.public_start import from_public_task


@pytest.fixture
def public(monkeypatch, tiny_csv):
    """A public task with the labels of the private one."""
    from accel.task.text_classification import TextClassification

    def built(node, base, key, plugins=(), name=None):
        return TextClassification(train=str(tiny_csv))

    monkeypatch.setattr("accel.run.public_start.build", built)


def test_the_private_run_begins_with_weights_of_the_public_task(public, tiny_run):
    from accel.config.compose import compose
    from accel.core.console import Console
    from accel.plan.decide import decide
    from accel.run.score import scorer
    from accel.weights.meta import read_meta

    plan = decide(compose([*tiny_run, "privacy=dpsgd", "trainer.learning_rate=0.5"]))
    started = from_public_task(plan, "tweets", plan.task.load(0), Console(None, silent=True), scorer)
    assert started.model.option_name() == "local"
    assert [seen.name for seen in read_meta(started.model.folder()).trained_on] == ["tiny.csv"]
    assert not read_meta(started.model.folder()).private
    assert started.privacy == plan.privacy
    again = from_public_task(plan, "tweets", plan.task.load(0), Console(None, silent=True), scorer)
    assert again.model.folder() == started.model.folder()


def test_other_labels_are_refused(public, tiny_run):
    from accel.config.compose import compose
    from accel.core.console import Console
    from accel.plan.decide import decide

    plan = decide(compose([*tiny_run, "privacy=dpsgd"]))
    with pytest.raises(DataError, match="same labels"):
        from_public_task(
            plan,
            "tweets",
            replace(plan.task.load(0), label_names=["ill", "well"]),
            Console(None, silent=True),
            lambda data: None,
        )
