from types import SimpleNamespace

import pytest
import torch

from accel.compression.distill import Distill
from accel.core.facts import Facts, Loss
from accel.core.family import FAMILIES, Family
from accel.errors import DataError, RunError
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.distill.losses import soft_cross_entropy
from accel.ops.distill.teacher import _distance, _Term, believed, distilled
from accel.ops.distill.terms import Match
from accel.weights import artifact

FACTS = Facts(total_steps=1, num_examples=4, objective=Classification(["a", "b"]), world_size=1, seed=0, baseline=None)


def saved(model_option, folder):
    model = model_option.network(Classification(["a", "b"]))
    artifact.save_model(model, model_option.tokenizer(), folder, label_names=["a", "b"], max_length=32)
    return model


def batch():
    ids = torch.randint(5, 200, (4, 16), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 3
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0, 1, 0, 1])}


def terms(student, folder, settings):
    loss = distilled(Loss(Classification(["a", "b"]).loss), student, folder, settings.key, settings, FACTS)
    data = batch()
    inputs = {k: v for k, v in data.items() if k != "labels"}
    return loss.compute(student(**inputs, **loss.forward_args), data)


def test_a_student_equal_to_its_teacher_has_no_distance(tmp_path):
    student = saved(TinyBert(), tmp_path).eval()
    found = terms(student, tmp_path, Distill())
    assert found["distill_logits"] < 1e-6
    assert found["distill_hidden"] < 1e-10


def test_another_student_has_a_distance_and_the_terms_add_up(tmp_path):
    saved(TinyBert(), tmp_path)
    settings = Distill(logits_weight=2.0, hidden_weight=3.0, task_weight=0.25)
    found = terms(TinyBert(weights_seed=1).network(Classification(["a", "b"])).eval(), tmp_path, settings)
    assert found["distill_hidden"] > 1e-3
    total = 2 * found["distill_logits"] + 3 * found["distill_hidden"] + 0.25 * found["task_loss"]
    assert torch.allclose(found["loss"], total)


def test_no_gradient_reaches_the_teacher_and_it_is_in_no_state(tmp_path):
    student = saved(TinyBert(), tmp_path)
    loss = distilled(Loss(Classification(["a", "b"]).loss), student, tmp_path, "compression.distill", Distill(), FACTS)
    assert not any(p.requires_grad for p in loss.compute.teacher.parameters())
    assert not loss.compute.teacher.training


def test_encoder_decoder_models_have_hidden_states_too(tmp_path):
    student = saved(TinyT5(), tmp_path).eval()
    assert terms(student, tmp_path, Distill())["distill_hidden"] < 1e-10


RELATIONS = Distill(logits_weight=0, hidden_weight=0, relations_weight=1, task_weight=0)


@pytest.mark.parametrize("option", [TinyBert, TinyGpt2, TinyLlama])
def test_relations_of_equal_models_have_no_distance(tmp_path, option):
    student = saved(option(), tmp_path).eval()
    assert terms(student, tmp_path, RELATIONS)["distill_relations"].abs() < 1e-6
    other = option(weights_seed=1).network(Classification(["a", "b"])).eval()
    assert terms(other, tmp_path, RELATIONS)["distill_relations"] > 1e-5


def test_a_narrow_and_shallow_student_learns_relations_and_is_refused_hidden_states(tmp_path):
    saved(TinyBert(), tmp_path)
    small = TinyBert(width=32, num_layers=1, num_heads=2).network(Classification(["a", "b"])).eval()
    terms(small, tmp_path, RELATIONS)["loss"].backward()
    assert all(p.grad is not None for p in small.bert.encoder.layer[0].attention.self.parameters())
    with pytest.raises(DataError, match="have width 64, the student's 32.*relations_weight=1"):
        terms(small, tmp_path, Distill())


def test_relations_where_the_attention_is_unknown_are_refused(tmp_path, monkeypatch):
    student = saved(TinyBert(), tmp_path)
    monkeypatch.setitem(FAMILIES, "bert", Family())
    with pytest.raises(RunError, match="relations_weight: accel does not know where .* in a bert model .the student"):
        terms(student, tmp_path, RELATIONS)


def test_each_of_the_teachers_layers_teaches_the_nearest(tmp_path):
    student = saved(TinyBert(), tmp_path).eval()
    layers = student.bert.encoder.layer
    layers[0], layers[1] = layers[1], layers[0]
    evenly, nearest = (terms(student, tmp_path, Distill(hidden_match=match))["distill_hidden"] for match in Match)
    assert 0 < nearest < evenly


def test_predictions_are_compared_at_the_temperature_that_is_set(tmp_path):
    teacher = saved(TinyBert(), tmp_path).eval()
    student = TinyBert(weights_seed=1).network(Classification(["a", "b"])).eval()
    inputs = {name: value for name, value in batch().items() if name != "labels"}
    logits = student(**inputs).logits, teacher(**inputs).logits
    for temperature in (1.0, 7.0):
        found = terms(student, tmp_path, Distill(temperature=temperature))["distill_logits"]
        assert torch.allclose(found, soft_cross_entropy(*logits, temperature), atol=1e-7)
    assert soft_cross_entropy(*logits, 1.0) != soft_cross_entropy(*logits, 7.0)


def test_labels_are_always_believed_and_answers_from_the_confidence_on():
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 0.1]])
    importance = torch.tensor([2.0, 0.0, 0.0, 0.0])
    assert believed(logits, importance, 0.8).tolist() == [True, False, True, False]
    assert believed(logits, importance, 0.5).all()


def test_what_is_not_believed_adds_nothing_to_the_mean_over_all_texts():
    student, teacher = (torch.randn(4, 3, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    student.requires_grad_()
    outputs = [SimpleNamespace(logits=logits) for logits in (student, teacher)]
    term = _Term(1.0, lambda a, b, mask: soft_cross_entropy(a.logits, b.logits, 2.0), of_answers=True)
    data = {"attention_mask": torch.ones(4, 2)}
    each = [soft_cross_entropy(student[[i]], teacher[[i]], 2.0) for i in range(4)]
    found = _distance(term, *outputs, data, torch.tensor([True, False, True, False]))
    assert torch.isclose(found, (each[0] + each[2]) / 4)
    found.backward()
    assert (student.grad.abs().sum(1) > 0).tolist() == [True, False, True, False]
    assert _distance(term, *outputs, data, torch.zeros(4, dtype=torch.bool)) == 0
    assert torch.isclose(_distance(term, *outputs, data, None), torch.stack(each).mean())
