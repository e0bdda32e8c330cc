import pytest
import torch

from accel.errors import DataError
from accel.explanation.attribution import Explainer, Reading
from accel.explanation.method import method_of, names
from accel.explanation.methods.integrated_gradients import IntegratedGradients
from accel.model.tiny_bert import TinyBert
from accel.model.tiny_gpt2 import TinyGpt2
from accel.model.tiny_llama import TinyLlama
from accel.model.tiny_t5 import TinyT5
from accel.objective.classification import Classification
from accel.objective.multi_label import MultiLabel
from accel.objective.regression import Regression
from accel.objective.tagging import Tagging

MODELS = [TinyBert, TinyGpt2, TinyT5, TinyLlama]
TEXTS = ["a rude crew", "客服很好", "הצוות היה גס", "one " * 100, "x"]


@pytest.mark.parametrize("prompt", [0, 3])
@pytest.mark.parametrize("model_class", MODELS)
def test_any_text_is_explained_by_any_method(predictor, model_class, prompt):
    one = predictor(model_class, prompt=prompt)
    for name in set(names()) - ({"rollout"} if model_class is TinyT5 else set()):
        quick = {"integrated_gradients": IntegratedGradients(steps=2, most_steps=2)}
        found = Explainer(one, quick.get(name) or method_of(name))(TEXTS)
        assert [f.text for f in found] == TEXTS
        for f in found:
            assert len(f.words) == len(f.attributions) == len(f.spans) > 0
            assert [f.columns[c][a:b] for c, a, b in f.spans] == f.words
            assert (f.prompt is not None) == bool(prompt)
        assert [f.is_cut for f in found] == [False, False, False, True, False]
        assert any(f.prompt for f in found) == bool(prompt)


def test_two_stacks_have_no_rollout(predictor):
    with pytest.raises(DataError, match="encoder and a decoder"):
        Explainer(predictor(TinyT5), method_of("rollout"))(["x"])


def test_a_pair_has_words_of_both_texts(predictor):
    (found,) = Explainer(predictor(columns=2), method_of("rollout"))([["is it on time", "no"]])
    assert found.words == ["is", "it", "on", "time", "no"]
    assert [column for column, _, _ in found.spans] == [0, 0, 0, 0, 1]


def test_the_prediction_is_the_predictors(predictor):
    one = predictor(quantized=True)
    (found,), (expected,) = Explainer(one)(["客服很好"]), one(["客服很好"])
    assert found.answer == expected.answer
    assert found.target == expected.label


def test_another_label_is_explained_where_it_is_asked_for(predictor):
    one = predictor()
    found = Explainer(one, asked=["good", "bad"])(["a rude crew"])
    assert [f.target for f in found] == ["good", "bad"]
    assert found[0].attributions != found[1].attributions
    with pytest.raises(DataError, match="no label 'god'. Did you mean 'good'"):
        Explainer(one, asked=["god"])(["a rude crew"])


def test_each_label_that_holds_is_explained(predictor):
    objective = MultiLabel(["late", "rude", "dirty"], (0.0, 0.0, 1.0))
    found = Explainer(predictor(objective=objective))(["a rude crew"])
    assert {f.target for f in found} == {"late", "rude"}


def test_the_number_is_explained(predictor):
    one = predictor(objective=Regression((), 3.0, 2.0))
    (found,) = Explainer(one)(["a rude crew"])
    assert found.target == "number"
    with pytest.raises(DataError, match="leave --label out"):
        Explainer(one, asked=["good"])(["a rude crew"])


def test_each_entity_is_explained(predictor):
    name = "occlusion"
    one = predictor(objective=Tagging(["O", "B-ORG", "I-ORG"]))
    always(one, 1)
    found = Explainer(one, method_of(name))(["Rome, 客"])
    assert [f.target for f in found] == ["Rome (ORG)", ", (ORG)", "客 (ORG)"]
    assert found[0].words == ["Rome", ",", "客"]
    assert len({tuple(f.attributions) for f in found}) == 3
    always(one, 0)
    (nothing,) = Explainer(one, method_of(name))(["Rome"])
    assert nothing.target.startswith("no entity")


def always(predictor, tag):
    with torch.no_grad():
        predictor.model.classifier.bias.copy_(torch.nn.functional.one_hot(torch.tensor(tag), 3) * 50.0)


def test_tokens_are_explained_where_they_are_asked_for(predictor):
    one = predictor()
    (whole,), (parts,) = Explainer(one)(["rudest crews"]), Explainer(one, by_piece=True)(["rudest crews"])
    assert len(parts.words) > len(whole.words) == 2
    assert sum(parts.attributions) == pytest.approx(sum(whole.attributions), abs=1e-5)


def test_a_tokenizer_that_cannot_tell_positions_gives_pieces(predictor):
    class Slow:
        is_fast = False
        pad_token_id = 0

        def get_special_tokens_mask(self, ids, already_has_special_tokens):
            return [1, *[0] * (len(ids) - 2), 1]

        def decode(self, ids):
            return f"t{ids[0]}"

    one = predictor()
    expected = Reading.of(one, "rudest", by_piece=True)
    ids = one.inputs(["rudest"])["input_ids"][0].tolist()
    known, one.tokenizer = one.tokenizer, Slow()
    one.encoded = lambda texts: {"input_ids": torch.tensor([ids]), **one.made}
    one.made, one.inputs = {}, lambda texts: expected.inputs
    found = Reading.of(one, "rudest", by_piece=False)
    assert known.is_fast
    assert [unit.text for unit in found.units] == [f"t{i}" for i in ids[1:-1]]
    assert found.owners == expected.owners


def test_the_share_of_the_prompt_counts_whatever_its_sign(predictor):
    (found,) = Explainer(predictor(prompt=3))(["a rude crew"])
    whole = abs(found.prompt) + sum(map(abs, found.attributions))
    assert found.prompt_share == pytest.approx(abs(found.prompt) / whole)
    assert Explainer(predictor())(["a rude crew"])[0].prompt_share is None


def test_labels_of_a_plain_classifier_are_those_of_its_objective(predictor):
    (found,) = Explainer(predictor(objective=Classification(["a", "b", "c"])))(["a rude crew"])
    assert found.target in "abc"
