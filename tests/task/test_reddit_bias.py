"""A file for each group of people; what has no label is left out, and no text is shown anywhere."""

from types import SimpleNamespace

import pytest

from accel.core.task import Task
from accel.task.reddit_bias import FILES, RedditBias


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Thirty comments for each, a third of them without a label; one byte that is no UTF-8."""
    for target, packaged in FILES.items():
        rows = [f'{n},"a comment, {n} on {target}",{("0", "1", "")[n % 3]}\r\n' for n in range(30)]
        file = tmp_path / packaged.path.rsplit("/", 1)[1]
        file.write_bytes(b"id,comment,bias_sent\r\n" + "".join(rows).encode() + b'31,"\xd5 or not",1\r\n')
    monkeypatch.setattr(
        "accel.weights.packaged.Packaged.find", lambda self, key: tmp_path / self.path.rsplit("/", 1)[1]
    )


def test_each_comment_has_a_label_and_a_group(files):
    data = RedditBias().load(0)
    assert data.label_names == ["biased", "neutral"]
    splits = (data.train, data.validation, data.test)
    assert sum(map(len, splits)) == 5 * 20 + 1
    for split in splits:
        for (text,), target in zip(split.texts, split.strata["target"], strict=True):
            assert target in text or "or not" in text
    assert not RedditBias(group=None).load(0).test.strata


def test_its_texts_are_shown_nowhere():
    assert Task.may_show_texts
    assert not RedditBias.may_show_texts


def test_another_group_is_refused():
    plan = SimpleNamespace(privacy=None)
    assert not list(RedditBias().objections(plan))
    assert "target or null" in next(iter(RedditBias(group="age").objections(plan))).because
