from types import SimpleNamespace

from accel.core.task import Task
from accel.task.airline import Airline


def test_by_default_one_of_the_labels_is_predicted():
    task = Airline()
    assert task.objective(SimpleNamespace(label_names=["a", "b"])).label_names == ["a", "b"]
    assert task.max_tokens() == task.max_length
    assert Task.load.__isabstractmethod__
