import pytest

from accel.compose import compose
from accel.errors import ConfigError
from accel.plan import check_overrides, decide, default_name, digest


def test_the_default_plan_is_a_dense_run_that_needs_no_baseline():
    plan = decide(compose([]))
    assert plan.name == default_name(plan) == "airline-minilm-full"
    assert not plan.needs_baseline
    assert plan.choices()["compression"] == []


def test_dense_is_the_same_without_compression_and_distribution():
    plan = decide(compose(["compression=[prune,qat,distill]", "strategy=ddp", "seed=3", "trainer.epochs=7"]))
    dense = plan.dense()
    assert plan.needs_baseline
    assert [t.option_name() for t in dense.techniques] == ["full", "single"]
    assert (dense.seed, dense.trainer, dense.model, dense.task) == (3, plan.trainer, plan.model, plan.task)


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


def test_description_lists_stages_in_order():
    text = decide(compose(["compression=[distill,qat,prune]"])).describe()
    assert text.index("REMOVE") < text.index("QUANTIZE") < text.index("DISTILL") < text.index("DISTRIBUTE")
    assert "trained first, or reused" in text


def test_check_overrides_passes_or_raises():
    check_overrides(["compression=[prune]"])
    with pytest.raises(ConfigError):
        check_overrides(["compression=[nope]"])


def test_digest_is_of_content():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


def test_the_only_engine_has_to_be_installed(monkeypatch):
    monkeypatch.setattr("accel.plan.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'accel\[openvino\]'"):
        decide(compose(["engines=[openvino]"]))
    assert decide(compose(["engines=[eager,openvino]"])).engines == ("eager", "openvino")
