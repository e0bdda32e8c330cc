"""Words outside ASCII reach the configuration as they were typed."""

import pytest

from accel.config.arguments import parse
from accel.config.compose import compose
from accel.config.overrides import quote_unicode, quoted
from accel.errors import ConfigError
from accel.sweep.grid import expand

TASK = "task=text_classification"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("task.train=评论.csv", "评论.csv"),
        ("task.train=/data/客服 2026/评论.csv", "/data/客服 2026/评论.csv"),
        ("task.train=Bücher/größe.csv", "Bücher/größe.csv"),
        ("task.text=[标题,内容]", ["标题", "内容"]),
        ("task.text=[title,内容]", ["title", "内容"]),
        ("task.train='评论, 新.csv'", "评论, 新.csv"),
    ],
)
def test_reaches_the_configuration_as_typed(word, value):
    config = compose(parse([TASK, word]).overrides)
    key = word.split("=")[0].split(".")[1]
    assert config.task[key] == value


def test_each_value_of_a_sweep_is_quoted_by_itself():
    jobs = expand(parse(["-m", TASK, "task.train=甲.csv,乙.csv"]).overrides)
    assert [compose(job).task.train for job in jobs] == ["甲.csv", "乙.csv"]


@pytest.mark.parametrize("word", ["seed=1", "compression=[prune,qat]", "-m", "task.text='已 引用'", "名=1"])
def test_leaves_everything_else_alone(word):
    assert quote_unicode(word) == word


def test_without_it_hydra_refuses():
    with pytest.raises(ConfigError, match="is no override"):
        compose([TASK, "task.train=评论.csv"])


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "it's.csv",
        "a\\b",
        "a\\'b",
        "end\\",
        "${seed}",
        "\\${seed}",
        "$HOME/x",
        "a=(b) & #1! [2], {3}",
        "~/x",
        "评论 1.csv",
    ],
)
def test_a_quoted_text_is_read_as_it_is(text):
    assert compose([TASK, f"task.train={quoted(text)}"]).task.train == text
