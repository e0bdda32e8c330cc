import re

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from accel.errors import ConfigError
from accel.sweep.space import ABSENT, space


def test_hydras_words_become_distributions():
    found = space(
        ["a=interval(0,0.5)", "b=tag(log,interval(1e-5,1e-3))", "c=range(2,7)", "d=interval(1,9)", "e=x,y", "f=[p],[p,q]", "g=3"],
        {},
    )  # fmt: skip
    assert found.varied == {
        "a": FloatDistribution(0.0, 0.5),
        "b": FloatDistribution(1e-5, 1e-3, log=True),
        "c": IntDistribution(2, 6),
        "d": FloatDistribution(1.0, 9.0),
        "e": CategoricalDistribution(("x", "y")),
        "f": CategoricalDistribution(("[p]", "[p,q]")),
    }
    assert found.fixed == ("g=3",)


def test_what_was_typed_counts():
    found = space(["a=5"], {"a": "interval(0,1)", "b": "1,2"})
    assert set(found.varied) == {"b"}
    assert found.fixed == ("a=5",)


def test_a_key_is_part_of_a_point_only_with_its_option():
    where = space([], {"compression.prune.sparsity": "interval(0.1,0.9)", "compression": "[],[prune]"})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    points = [where.suggest(study.ask()) for _ in range(20)]
    lengths = {p[0]: len(p) for p in points}
    assert lengths == {"compression=[]": 1, "compression=[prune]": 2}
    for point, trial in zip(points, study.get_trials(), strict=True):
        assert where.words(trial.params) == point  # what was asked for can be told from what the study keeps


@pytest.mark.parametrize("words", [["tuning.rank=4,8", "tuning=full,lora"], ["tuning=full,lora", "tuning.rank=4,8"]])
def test_the_order_typed_does_not_matter(words):
    where = space(words, {})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    lengths = {point[0]: len(point) for point in (where.suggest(study.ask()) for _ in range(20))}
    assert lengths == {"tuning=full": 1, "tuning=lora": 2}


def test_a_point_that_was_never_whole_is_told():
    where = space(["a=1,2", "b=1,2"], {})
    assert where.words({"a": "1"}) is None


@pytest.mark.parametrize(
    ("words", "text"),
    [(["a=1"], "something to vary"), (["nonsense"], "is no override"), (["a=range(1,1)"], "no values")],
)
def test_what_is_no_space_is_told(words, text):
    with pytest.raises(ConfigError, match=text):
        space(words, {})


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("interval(1,4)", FloatDistribution(1, 4)),
        ("int(interval(1,4))", IntDistribution(1, 4)),
        ("tag(int,interval(1,4))", IntDistribution(1, 4)),
        ("tag(log,int,interval(1,64))", IntDistribution(1, 64, log=True)),
        ("tag(log,range(1,10))", IntDistribution(1, 9, log=True)),
        ("range(1,10,2)", IntDistribution(1, 9, step=2)),
    ],
)
def test_whole_numbers_and_logarithms_are_what_they_say(word, expected):
    assert space([f"trainer.epochs={word}"], {}).varied == {"trainer.epochs": expected}


@pytest.mark.parametrize(
    "word",
    [
        "tag(int,interval(1.5,4))",  # no whole number
        "tag(log,range(0,9))",  # has no logarithm
        "tag(log,range(1,9,2))",  # Optuna draws no steps of a logarithm
        "tag(log,choice(1,2))",
        "tag(log,range(0.5,2,0.5))",
        "tag(nearly,interval(1,2))",
    ],
)
def test_what_cannot_be_drawn_as_it_says_is_refused(word):
    with pytest.raises(ConfigError, match=re.escape(word)):
        space([f"trainer.epochs={word}"], {})


def test_a_glob_is_a_choice():
    assert space(["model=glob(tiny_b*)"], {}).varied == {"model": CategoricalDistribution(["tiny_bert"])}


def test_it_starts_at_what_there_would_be_without_a_search():
    words = [
        "compression=[],[prune,qat]",
        "tuning=full,lora",
        "tuning.rank=4,8",
        "seed=range(2,7)",
        "x.rate=interval(0,1)",
    ]
    here = {"compression": ["prune", "qat"], "tuning": "full", "seed": 3, "x.rate": 0.25}
    where = space(words, {})
    assert where.start(of(here)) == {"compression": "[prune,qat]", "tuning": "full", "seed": 3, "x.rate": 0.25}
    outside = {"compression": [], "tuning": "head", "tuning.rank": 16, "seed": 9, "x.rate": None}
    assert where.start(of(outside)) == {"compression": "[]"}


def of(values):
    return lambda key: values.get(key, ABSENT)


def test_null_and_quoted_words_are_values_and_words_are_in_no_interval():
    where = space(["patience=null,2", "freeze='*emb*','x'", "on=true,false", "rate=interval(0,1)"], {})
    here = {"patience": None, "freeze": "*emb*", "on": False, "rate": "auto"}
    found = {key: str(value).strip("'").lower() for key, value in where.start(of(here)).items()}
    assert found == {"patience": "null", "freeze": "*emb*", "on": "false"}
    assert where.start(of({"rate": [1]})) == {}
