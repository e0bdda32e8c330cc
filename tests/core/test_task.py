from types import SimpleNamespace

from accel.core.option import typed
from accel.core.task import Task
from accel.task.airline import Airline


def test_by_default_one_of_the_labels_is_predicted():
    task = Airline()
    assert task.objective(SimpleNamespace(label_names=["a", "b"])).label_names == ["a", "b"]
    assert task.max_tokens() == task.max_length
    assert Task.load.__isabstractmethod__


def test_the_group_of_a_task_is_a_setting_and_its_class_s_group_stays():
    task = Airline(group="company")
    assert (task.group_columns(), Airline().group_columns()) == (["company"], [])
    assert (task.key, typed(task), Airline.group) == ("task", "task=airline", "task")
