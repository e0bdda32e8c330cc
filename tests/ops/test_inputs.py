import copy

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.inputs import PLAIN, TYPES, inputs_of, note_inputs


def test_a_copy_keeps_what_is_noted_and_an_unnoted_network_has_the_two_of_all():
    model = TinyBert(num_layers=1).network(Classification(["a", "b"]))
    assert inputs_of(model) == PLAIN
    note_inputs(model, (*PLAIN, TYPES))
    assert inputs_of(copy.deepcopy(model)) == (*PLAIN, TYPES)
