from accel.config.compose import compose
from accel.core.plan import digest
from accel.plan.decide import decide


def test_description_lists_stages_in_order():
    text = decide(compose(["compression=[distill,qat,prune]"])).describe()
    assert text.index("REMOVE") < text.index("QUANTIZE") < text.index("DISTILL") < text.index("DISTRIBUTE")
    assert "trained first, or reused" in text


def test_digest_is_of_content():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


def test_techniques_come_by_stage_and_then_by_name_however_they_are_typed():
    words = ["compression=[qat,vocabulary,distill,prune,mask,layers]", "strategy=ddp", "tuning=full"]
    names = [technique.option_name() for technique in decide(compose(words)).techniques]
    assert names == ["full", "layers", "prune", "vocabulary", "mask", "qat", "distill", "ddp"]
    private = decide(compose(["privacy=dpsgd", "strategy=ddp", "compression=[qat]"]))
    assert [technique.option_name() for technique in private.techniques] == ["full", "qat", "dpsgd", "ddp"]


def test_a_line_of_the_plan_goes_on_below_between_settings():
    from accel.core.plan import wrapped

    line = "  trainer=standard             epochs=3 name=two words learning_rate=0.0001"
    assert wrapped(line, 200).split() == line.split()
    rows = wrapped(line, 40).split("\n")
    assert rows == ["  trainer=standard             epochs=3", "      name=two words", "      learning_rate=0.0001"]
    assert wrapped("  dense baseline               not needed", 10) == "  dense baseline               not needed"


def test_what_a_target_replaces_is_not_shown():
    from accel.compression.prune import Prune
    from accel.core.plan import brief

    assert "sparsity=" in brief(Prune())
    assert "sparsity=" not in brief(Prune(target_flops=0.5))
    assert "sparsity" in Prune(target_flops=0.5).settings()
