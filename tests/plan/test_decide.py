import pytest
from omegaconf import open_dict

from accel.config.compose import compose
from accel.core.option import typed
from accel.engines.eager import Eager
from accel.engines.onnxruntime import Onnxruntime
from accel.errors import ConfigError
from accel.plan.decide import assemble, check_overrides, decide, default_name


def test_the_default_plan_is_a_dense_run_that_needs_no_baseline():
    plan = decide(compose([]))
    assert plan.name == default_name(plan) == "airline-minilm-full"
    assert not plan.needs_baseline
    assert plan.choices()["compression"] == []


def test_names_say_what_is_not_the_default():
    plan = decide(compose(["compression=[qat,prune]", "tuning=full", "strategy=ddp"]))
    assert plan.name == "airline-minilm-full-prune-qat-ddp"
    assert decide(compose(["name=mine"])).name == "mine"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("+foo=1", "foo is no key of accel"),
        ("seed=-1", "a seed is a whole number"),
        ("seed=abc", "a seed is a whole number"),
        ("engines=[eagr]", "Did you mean 'eager'"),
        ("engines=[]", "at least one engine"),
        ("~tuning", "tuning must be chosen"),
        ("++compression.prune.sparsity=0.3", "set but not chosen"),
    ],
)
def test_keys_that_do_not_fit_are_refused(word, text):
    with pytest.raises(ConfigError, match=text):
        decide(compose([word]))


def test_privacy_none_is_the_absence_of_a_technique():
    assert decide(compose(["privacy=none"])).privacy is None


def test_check_overrides_passes_or_raises():
    check_overrides(["compression=[prune]"])
    with pytest.raises(ConfigError):
        check_overrides(["compression=[nope]"])


def test_engines_are_options_by_name_and_the_record_says_which():
    plan = decide(compose(["engines=[onnxruntime,eager]"]))
    assert plan.engines == (Eager(), Onnxruntime())
    assert plan.choices()["engines"] == ["eager", "onnxruntime"]
    assert [typed(option) for option in plan.options if option in plan.engines] == [
        "engines=[eager]", "engines=[onnxruntime]",
    ]  # fmt: skip
    assert decide(compose(["engines=eager"])).engines == (Eager(),)
    assert "measured on                  eager, onnxruntime" in plan.describe()


@pytest.mark.parametrize(
    ("names", "expected"), [(["onnxruntime", "eager"], (Eager(), Onnxruntime())), ("eager", (Eager(),))]
)
def test_the_configuration_of_an_older_run_has_the_names_of_its_engines(names, expected):
    config = compose([])
    with open_dict(config):
        config.engines = names
    assert assemble(config).engines == expected


def test_an_experiment_chooses_engines_and_the_command_line_others():
    names = [engine.option_name() for engine in decide(compose(["experiment=fastest"])).engines]
    assert names == ["eager", "inductor", "onnxruntime", "openvino"]
    assert decide(compose(["experiment=fastest", "engines=[eager]"])).engines == (Eager(),)


def test_rounds_are_a_number_that_can_be_timed():
    assert decide(compose(["rounds=3"])).rounds == 3
    for rounds in ("2", "abc", "null", "true"):
        with pytest.raises(ConfigError, match="each engine is timed"):
            decide(compose([f"rounds={rounds}"]))
