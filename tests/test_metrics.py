import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from accel.metrics import IGNORED, ClassScores, TokenScores, evaluate, precision_recall_f1


def data():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(37, 3, generator=generator), torch.randint(0, 3, (37,), generator=generator)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 37])
def test_does_not_depend_on_the_batch_size(batch_size):
    logits, labels = data()
    batches = [
        {"x": logits[i : i + batch_size], "labels": labels[i : i + batch_size]} for i in range(0, 37, batch_size)
    ]
    report = evaluate(lambda inputs: inputs["x"], batches, ClassScores(3))
    assert report.metrics["accuracy"] == pytest.approx(accuracy_score(labels, logits.argmax(-1)))
    assert report.metrics["macro_f1"] == pytest.approx(f1_score(labels, logits.argmax(-1), average="macro"))
    assert report.metrics["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-5)
    assert sum(map(sum, report.confusion_matrix)) == 37


def test_per_class_names_every_label():
    logits, labels = data()
    scores = ClassScores(3)
    scores.update(logits, labels)
    rows = scores.compute().per_class(["a", "b", "c"])
    assert [r["label"] for r in rows] == ["a", "b", "c"]
    assert sum(r["support"] for r in rows) == 37


def test_a_class_that_never_occurs_is_zero_not_nan():
    values = precision_recall_f1(torch.tensor([[2, 0], [0, 0]]))
    assert [v.tolist() for v in values] == [[1, 0], [1, 0], [1, 0]]


def test_scores_of_tokens_do_not_depend_on_batches_or_padding():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(4, 9, 7, generator=generator), torch.randint(0, 7, (4, 9), generator=generator)
    labels[1, 5:] = labels[3, 2:] = IGNORED
    whole, parts = TokenScores(50), TokenScores(50)
    whole.update(logits, labels)
    for i in range(4):
        parts.update(logits[i : i + 1, : 6 if i == 1 else 9], labels[i : i + 1, : 6 if i == 1 else 9])
    expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    found = whole.compute().metrics
    assert found == pytest.approx(parts.compute().metrics)
    assert found["loss"] == pytest.approx(float(expected))
    assert found["perplexity"] == pytest.approx(float(expected.exp()))
    whole.reset()
    whole.update(logits[:1], labels[:1])
    assert whole.compute().metrics["loss"] != found["loss"]
