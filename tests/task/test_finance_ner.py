"""Sentences of contracts keep the order of their file, in which neighbours name the same parties."""

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from accel.errors import DataError
from accel.task.finance_ner import FinanceNer, _tags
from accel.task.token_classification import TokenClassification


def test_what_is_named_is_found_from_left_to_right():
    tokens = ["the", "bank", "of", "Acme", "Bank", "and", "the", "Bank"]
    assert _tags(tokens, [("Acme Bank", "ORG"), ("Bank", "ORG")]) == [
        "O",
        "O",
        "O",
        "B-ORG",
        "I-ORG",
        "O",
        "O",
        "B-ORG",
    ]


def test_the_order_of_the_file_decides_and_privacy_refuses_that():
    plan = SimpleNamespace(privacy=TokenClassification(train="x"))
    assert "moves others" in next(iter(FinanceNer().objections(plan))).because
    assert not list(FinanceNer().objections(SimpleNamespace(privacy=None)))
    assert list(FinanceNer(fold=5).objections(SimpleNamespace(privacy=None)))


@pytest.fixture
def contracts(tmp_path, monkeypatch):
    """A file like the package's: twenty sentences, each of which names a company of its own."""
    file = tmp_path / "samples.jsonl"
    row = '{"input": [{"content": "x"}, {"content": "The Firm%d shall pay ."}], "ideal": "[Firm%d - ORGANIZATION]"}'
    file.write_text("\n".join(row % (n, n) for n in range(20)))
    monkeypatch.setattr("accel.weights.packaged.Packaged.find", lambda self, key: file)


@pytest.mark.parametrize("fold", range(5))
def test_a_fifth_in_a_row_is_the_test_split(contracts, fold):
    data = FinanceNer(fold=fold).load(0)
    assert [text for (text,) in data.test.texts] == [f"The Firm{n} shall pay ." for n in range(4 * fold, 4 * fold + 4)]
    assert (len(data.train), len(data.validation)) == (14, 2)
    assert data.train.labels[0] == [0, 1, 0, 0, 0]
    assert len(list(FinanceNer().rows())) == 20


def test_without_its_package_it_says_what_to_type(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("accel.weights.packaged.distribution", missing)
    with pytest.raises(DataError, match="pip install --no-deps evals==3.0.1.post1"):
        FinanceNer().load(0)
