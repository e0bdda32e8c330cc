import pytest

from accel.explanation.attribution import Explainer
from accel.explanation.methods.integrated_gradients import LARGEST_GAP, IntegratedGradients
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5


@pytest.mark.parametrize("model_class", [TinyBert, TinyGpt2, TinyT5, TinyLlama])
@pytest.mark.parametrize(("quantized", "prompt"), [(False, 0), (True, 0), (False, 3)])
def test_the_attributions_account_for_the_whole_difference(predictor, model_class, quantized, prompt):
    """The completeness of integrated gradients: their sum is the logit's change from padding to the text."""
    (found,) = Explainer(predictor(model_class, quantized, prompt=prompt))(["a rude crew"])
    assert found.difference != 0
    assert abs(found.gap) <= LARGEST_GAP * abs(found.difference)
    assert sum(found.attributions) + (found.prompt or 0) - found.difference == pytest.approx(found.gap, abs=1e-5)


def test_too_few_steps_leave_a_gap(predictor):
    """Negative control: the gap is measured, not assumed."""
    one = predictor()
    (rough,) = Explainer(one, IntegratedGradients(steps=1, most_steps=1))(["a rude crew"])
    (fine,) = Explainer(one, IntegratedGradients(steps=64))(["a rude crew"])
    assert abs(rough.gap) > abs(fine.gap)
    assert rough.steps == 1


def test_the_stretch_with_the_largest_gap_is_halved_until_they_add_up(predictor):
    """T5 divides by the size of an embedding, and that of padding is nearly 0: all happens at the beginning."""
    one = predictor(TinyT5)
    (rough,) = Explainer(one, IntegratedGradients(most_steps=32))(["a rude crew"])
    (found,) = Explainer(one)(["a rude crew"])
    assert abs(rough.gap) > LARGEST_GAP * abs(rough.difference)
    assert found.steps > 32
    assert abs(found.gap) <= LARGEST_GAP * abs(found.difference)


def test_captum_says_the_same(predictor):
    captum = pytest.importorskip("captum.attr")
    one = predictor()
    (found,) = Explainer(one, IntegratedGradients(most_steps=32), by_piece=True).explain("a rude crew")
    asked = found.question
    theirs = captum.IntegratedGradients(asked.logits).attribute(
        asked.text[None], asked.empty[None], n_steps=32, method="gausslegendre"
    )
    expected = asked.by_unit(theirs[0].sum(-1))
    assert found.attribution.attributions == pytest.approx(expected.tolist(), abs=1e-6)
