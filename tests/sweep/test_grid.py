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
