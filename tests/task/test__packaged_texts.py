"""Labelled texts of a package: each once, drawn by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

from accel.data.examples import Example
from accel.task._packaged_texts import PackagedTexts


@dataclass(kw_only=True)
class Some(PackagedTexts):
    count: int = 60

    def examples(self) -> Iterator[Example]:
        yield from (Example((f"text {n}",), "ab"[n % 2], f"row {n}") for n in range(self.count))
        yield Example(("text 1",), "b", "again")
        yield Example(("text 2",), "b", "with another label")


def test_each_text_once_and_a_row_more_moves_no_other():
    one, more = Some().load(0), Some(count=61).load(0)
    assert (len(one.train) + len(one.validation) + len(one.test), one.duplicates, one.dropped) == (59, 2, 1)
    splits = [
        {text: name for name in ("train", "validation", "test") for text in getattr(data, name).texts}
        for data in (one, more)
    ]
    assert splits[0].items() <= splits[1].items()
    assert len(list(Some().rows())) == 62


def test_impossible_sizes_are_refused():
    plan = SimpleNamespace(privacy=None)
    assert not list(Some().objections(plan))
    assert list(Some(max_length=1).objections(plan))
    assert list(Some(test_fraction=1.0).objections(plan))
    assert Some(max_length=7).max_tokens() == 7
