import pytest

from accel.config.compose import compose
from accel.errors import ConfigError
from accel.plan.decide import check_overrides, decide, default_name


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


def test_the_only_engine_has_to_be_installed(monkeypatch):
    monkeypatch.setattr("accel.plan.decide.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'accel\[openvino\]'"):
        decide(compose(["engines=[openvino]"]))
    assert decide(compose(["engines=[eager,openvino]"])).engines == ("eager", "openvino")


def test_rounds_are_a_number_that_can_be_timed():
    assert decide(compose(["rounds=3"])).rounds == 3
    for rounds in ("2", "abc", "null", "true"):
        with pytest.raises(ConfigError, match="each engine is timed"):
            decide(compose([f"rounds={rounds}"]))
