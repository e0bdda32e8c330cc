import pytest
import torch

from accel.analysis.attribution import Explainer
from accel.inference.predictor import Predictor
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.weights import artifact


@pytest.fixture
def predictor(tmp_path):
    def make(model_class=TinyBert, quantized=False):
        model = model_class().network(Classification(["bad", "good"])).eval()
        with torch.no_grad():
            for parameter in model.parameters():  # random weights predict nothing; larger ones predict something
                parameter.mul_(1.5)
        if quantized:
            fake_quantize.prepare(model, Int8(Int8Rows()))
            model = fake_quantize.convert(model)
        folder = tmp_path / f"{model_class.__name__}{quantized}"
        artifact.save_model(model, model_class().tokenizer(), folder, label_names=["bad", "good"], max_length=32)
        return Predictor.load(folder)

    return make


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
@pytest.mark.parametrize("quantized", [False, True])
def test_the_attributions_account_for_the_whole_difference(predictor, model_class, quantized):
    """The completeness of integrated gradients: their sum is the logit's change from padding to the text."""
    (found,) = Explainer(predictor(model_class, quantized), steps=256)(["a rude crew"])
    assert len(found.tokens) == len(found.attributions) > 3
    assert abs(found.gap) < 0.02 * max(abs(v) for v in found.attributions) + 1e-4


def test_too_few_steps_leave_a_gap(predictor):
    """Negative control: the gap is measured, not assumed."""
    rough = Explainer(predictor(), steps=1)(["a rude crew"])[0]
    fine = Explainer(predictor(), steps=256)(["a rude crew"])[0]
    assert abs(rough.gap) > abs(fine.gap)


def test_special_tokens_are_given_no_credit(predictor):
    one = predictor()
    (found,) = Explainer(one)(["a rude crew"])
    special = set(one.tokenizer.all_special_ids)
    ids = one.inputs(["a rude crew"])["input_ids"][0].tolist()
    assert any(i in special for i in ids)
    assert all(value == 0 for i, value in zip(ids, found.attributions, strict=True) if i in special)


def test_the_prediction_is_the_predictors(predictor):
    one = predictor(quantized=True)
    (found,), (expected,) = Explainer(one)(["客服很好"]), one(["客服很好"])
    assert found.answer == expected.answer
