"""A body is what stands below a head; of a network that writes, the whole of it."""

from accel.model.tiny_bert import TinyBert
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.objective.sequence_to_sequence import SequenceToSequence
from accel.ops.body import body_of, is_of_body


def test_a_classifier_has_a_head_beside_its_body():
    model = TinyBert().network(Classification(["a", "b"]))
    assert body_of(model) is model.bert
    assert is_of_body(model, "bert.encoder.layer.0.output.dense.weight")
    assert not is_of_body(model, "classifier.weight")
    assert not is_of_body(model, "bertish.weight")


def test_a_t5_that_writes_is_all_body_and_one_that_classifies_is_not():
    writer = TinyT5().network(SequenceToSequence().reading(TinyT5().tokenizer()))
    assert body_of(writer) is writer
    assert all(is_of_body(writer, name) for name, _ in writer.named_parameters())
    judge = TinyT5().network(Classification(["a", "b"]))
    assert body_of(judge) is judge.transformer
    assert not is_of_body(judge, "classification_head.out_proj.weight")
