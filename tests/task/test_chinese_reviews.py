"""Two files of reviews, in which texts repeat and a few stand in both."""

import pytest

from accel.task.chinese_reviews import ChineseReviews


@pytest.fixture
def files(tmp_path, monkeypatch):
    for name, word in (("pos", "好"), ("neg", "坏")):
        (tmp_path / f"{name}.txt").write_text(
            "\n".join([*(f" {word}书 {n} " for n in range(40)), f"{word}书 1", "又好又坏", ""])
        )
    monkeypatch.setattr(
        "accel.weights.packaged.Packaged.find", lambda self, key: tmp_path / self.path.rsplit("/", 1)[1]
    )


def test_each_text_once_and_none_with_two_labels(files):
    data = ChineseReviews().load(0)
    assert data.label_names == ["negative", "positive"]
    assert (len(data.train) + len(data.validation) + len(data.test), data.duplicates, data.dropped) == (80, 3, 1)
    for split in (data.train, data.test):
        assert all(("好" in text) == bool(label) for (text,), label in zip(split.texts, split.labels, strict=True))
    assert len(list(ChineseReviews().rows())) == 84
