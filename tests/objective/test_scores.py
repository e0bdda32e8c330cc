import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from accel.objective.classification import ClassScores
from accel.objective.scores import GatheredScores, Report, evaluate, precision_recall_f1


def data():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(37, 3, generator=generator), torch.randint(0, 3, (37,), generator=generator)


@pytest.mark.fault("N8")
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


class Both(GatheredScores):
    def report(self, logits, labels):
        return Report({"rows": len(logits), "sum": float((logits * labels).sum())})


def test_all_predictions_are_gathered_and_forgotten():
    scores = Both()
    for _ in range(2):
        for logits, labels in (([[1.0, 2.0]], [[3, 4]]), ([[5.0, 6.0], [7.0, 8.0]], [[1, 0], [0, 1]])):
            scores.update(torch.tensor(logits), torch.tensor(labels))
        assert scores.compute().metrics == {"rows": 3, "sum": 11 + 5 + 8}
        scores.reset()


def test_numbers_of_one_column_need_no_second_axis():
    scores = Both()
    scores.update(torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 4.0]))
    assert scores.compute().metrics == {"rows": 2, "sum": 11}
