"""What an aggregator decides for an owner, and what it never does."""

import pytest

from accel.config.compose import compose
from accel.errors import ConfigError
from accel.federated.agreed import digest_of, joined, same_objective, what_leaves, words_of
from accel.plan.decide import decide

SERVED = ["strategy=federated", "strategy.listen=127.0.0.1:7070", "strategy.clients=3", "strategy.local_steps=2",
          "strategy.compress=int8", "strategy.proximal=0.1", "tuning=lora", "tuning.rank=4", "model=tiny_bert",
          "trainer.learning_rate=3e-3", "seed=7", "task.max_length=48", "privacy=dpfedavg"]  # fmt: skip


def test_an_owner_trains_as_the_aggregator_says():
    served = decide(compose(SERVED))
    mine = decide(compose(joined(words_of(served), ["task=text_classification", "task.train=mine.csv"])))
    assert (mine.model, mine.tuning, mine.trainer, mine.seed) == (
        served.model,
        served.tuning,
        served.trainer,
        served.seed,
    )
    assert (mine.strategy.local_steps, mine.strategy.compress) == (2, served.strategy.compress)
    assert (mine.strategy.listen, mine.privacy, mine.tracker, mine.task.train) == (None, None, None, "mine.csv")


def test_an_owner_has_the_aggregators_task_unless_it_types_another():
    told = words_of(decide(compose(SERVED)))
    assert decide(compose(joined(told, []))).task.max_length == 48
    assert decide(compose(joined(told, ["task.max_length=32"]))).task.max_length == 32


def test_an_owner_may_have_its_model_elsewhere():
    told = words_of(decide(compose(SERVED)))
    assert joined(told, ["model=tiny_gpt2"]).count("model=tiny_gpt2") == 1
    assert not [w for w in joined(told, ["model=tiny_gpt2"]) if w.startswith("model.")]


@pytest.mark.parametrize(
    "word",
    ["task.train=/etc/passwd", "tracker=csv", "cache=/tmp", "hydra.run.dir=/tmp", "privacy=none",
     "strategy.listen=0.0.0.0:80", "strategy.secret_file=a", "compression=[prune]", "engines=[cuda]",
     "model.path=${oc.env:HOME}", "task=a,b.c", "+x=1", "~task", "resume=a"],
)  # fmt: skip
def test_an_aggregator_decides_nothing_else(word):
    if word == "task=a,b.c":
        joined([word], [])  # a name of an option alone: composing refuses what is none
        return
    with pytest.raises(ConfigError, match="which is an owner's own"):
        joined([word], [])


@pytest.mark.parametrize("told", [None, "task=x", [1], {"a": 1}])
def test_settings_that_are_none_are_refused(told):
    with pytest.raises(ConfigError, match="no settings that can be read"):
        joined(told, [])


@pytest.mark.parametrize("word", ["tuning=lora", "trainer.epochs=5", "strategy.rounds=2", "seed=3", "privacy=dpsgd"])
def test_an_owner_decides_nothing_of_all(word):
    with pytest.raises(ConfigError, match="the aggregator decides that for all owners"):
        joined([], [word])


def test_what_leaves_is_said_with_its_size():
    said = what_leaves(1_000_000, 1_010_000, "int8")
    assert "1,000,000 weights (1.01 MB, as int8)" in said
    assert "4 weights (1.6e-05 MB, as they are)" in what_leaves(4, 16, "none")
    assert "rebuilt" in said


def test_objectives_are_compared_as_they_travel():
    assert same_objective({"labels": ("a", "b")}, {"labels": ["a", "b"]})
    assert not same_objective({"labels": ("a", "b")}, {"labels": ["b", "a"]})


def test_a_digest_is_of_names_and_contents():
    digests = {digest_of(p) for p in ([("a", b"bc")], [("ab", b"c")], [("a", b"b"), ("c", b"")], [])}
    assert len(digests) == 4
