"""Words outside ASCII reach the configuration as they were typed."""

import re
import shlex

import pytest

from accel.config.arguments import parse
from accel.config.compose import compose
from accel.config.overrides import as_text, no_override, override, quote_unicode, quoted
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


@pytest.mark.parametrize("path", ["~/x.csv", "a$b.csv", "a&b #1!.csv", "a;b<c>^d`.csv", "~/a & b/评论 #1.csv"])
def test_a_path_that_hydra_does_not_know_is_taken_as_it_is(path):
    assert compose(parse([TASK, f"task.train={path}"]).overrides).task.train == path


@pytest.mark.parametrize(
    "path",
    ["it's.csv", "a=b.csv", "a(b).csv", "a[1].csv", "a{b}.csv", "a,b.csv", 'a"b.csv', 'it\'s ${x} "q".csv', "评's.csv"],
)
def test_what_has_a_meaning_is_refused_with_what_can_be_typed(path):
    with pytest.raises(ConfigError) as refused:
        compose(parse([TASK, f"task.train={path}"]).overrides)
    (word,) = shlex.split(str(refused.value).splitlines()[-1])
    assert compose(parse([TASK, word]).overrides).task.train == path


def test_what_is_no_setting_has_no_such_remedy():
    assert as_text("seed") == as_text("seed=") == as_text("a b=1") == ""
    assert re.search(r"is no override: write key=value.*\)\.$", no_override("=1"))


@pytest.mark.parametrize(
    "value",
    ["review", "my review", "a,b", "null", "TRUE", "12", "1e3", "(x)", "it's", "${x}", "/data/my (1).csv", "评论", ";"],
)
def test_a_text_is_typed_so_that_hydra_reads_it_as_it_is(value):
    assert compose(parse([TASK, override("task.label", value)]).overrides).task.label == value
    found = compose(parse([TASK, override("task.text", [value, "other"])]).overrides).task.text
    assert list(found) == [value, "other"]


def test_a_plain_text_is_typed_without_quotes():
    assert override("task.train", "/data/a-b_c.csv") == "task.train=/data/a-b_c.csv"
    assert override("task.text", ["a", "b"]) == "task.text=[a,b]"
