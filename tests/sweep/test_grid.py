import pytest

from accel.errors import ConfigError
from accel.sweep.grid import expand


def test_the_product_in_hydras_order():
    assert expand(["a=1,2", "b=x", "c=3,4"]) == [
        ["a=1", "b=x", "c=3"], ["a=1", "b=x", "c=4"], ["a=2", "b=x", "c=3"], ["a=2", "b=x", "c=4"],
    ]  # fmt: skip


def test_lists_are_one_value_each():
    assert expand(["compression=[],[prune],[prune,qat]"]) == [
        ["compression=[]"], ["compression=[prune]"], ["compression=[prune,qat]"],
    ]  # fmt: skip


def test_a_key_counts_where_its_option_is_chosen():
    jobs = expand(
        ["compression=[],[prune],[qat,prune]", "compression.prune.sparsity=0.5,0.9", "compression.qat.begin=0.2"]
    )
    assert jobs == [
        ["compression=[]"],
        ["compression=[prune]", "compression.prune.sparsity=0.5"],
        ["compression=[prune]", "compression.prune.sparsity=0.9"],
        ["compression=[qat,prune]", "compression.prune.sparsity=0.5", "compression.qat.begin=0.2"],
        ["compression=[qat,prune]", "compression.prune.sparsity=0.9", "compression.qat.begin=0.2"],
    ]


def test_ranges_and_named_searches():
    assert expand(["seed=range(3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert expand([], {"seed": "1,2"}) == [["seed=1"], ["seed=2"]]
    assert expand(["seed=5"], {"seed": "1,2"}) == [["seed=5"]]
    assert expand([]) == [[]]


def test_what_is_no_override_is_told():
    with pytest.raises(ConfigError, match="is no override"):
        expand(["nonsense"])


def test_a_key_of_any_group_counts_where_its_option_is_chosen():
    assert expand(["tuning=full,lora", "tuning.rank=4,8"]) == [
        ["tuning=full"], ["tuning=lora", "tuning.rank=4"], ["tuning=lora", "tuning.rank=8"],
    ]  # fmt: skip
    assert expand(["privacy=none,dpsgd", "privacy.epsilon=3"])[0] == ["privacy=none"]


def test_a_key_that_no_option_has_is_kept_so_that_it_is_refused():
    assert expand(["tuning=full", "tuning.runk=4"]) == [["tuning=full", "tuning.runk=4"]]


def test_of_a_users_own_option_nothing_is_dropped():
    assert expand(["task=mine", "task.train=a.csv"]) == [["task=mine", "task.train=a.csv"]]


def test_a_glob_is_over_the_options_of_a_group():
    assert expand(["model=glob(tiny_b*)"]) == [["model=tiny_bert"]]
    assert expand(["model=glob(tiny*,exclude=*l*)"]) == [["model=tiny_bert"], ["model=tiny_gpt2"], ["model=tiny_t5"]]
    for word, reason in (("model=glob(big*)", "model has: .*tiny_bert"), ("task.train=glob(*)", "options of a group")):
        with pytest.raises(ConfigError, match=reason):
            expand([word])


@pytest.mark.parametrize("word", ["trainer.epochs=interval(1,4)", "trainer.epochs=int(interval(1,4))"])
def test_a_grid_has_no_intervals(word):
    with pytest.raises(ConfigError, match=r"no end of values.*range\(low,stop,step\)"):
        expand([word])


def test_a_grid_has_no_tags():
    with pytest.raises(ConfigError, match="how a search draws"):
        expand(["trainer.epochs=tag(log,range(1,9))"])
    assert len(expand(["trainer.epochs=range(1,9)"])) == 8
