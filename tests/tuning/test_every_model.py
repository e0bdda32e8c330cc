"""Every tuning on every class of architecture: what is exported computes what was trained, and padding changes nothing.

Also of a model that writes: it writes what it is surest of when it is given its own text.
"""

import pytest
import torch

from accel.config.compose import compose, options_of
from accel.objective.classification import Classification
from accel.objective.sequence_to_sequence import SequenceToSequence
from accel.ops.inputs import DECODER
from accel.plan.decide import assemble, objections_to
from accel.plan.matrix import MODELS
from accel.weights import artifact

CELLS = [(tuning, model) for tuning in options_of("tuning") for model in MODELS]
IDS = torch.randint(5, 250, (3, 12), generator=torch.Generator().manual_seed(0))
IDS[:, -1] = 3
PADDED = torch.nn.functional.pad(IDS, (0, 5))
LABELS = Classification(["a", "b"])


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=(ids != 0).long()).logits


@pytest.mark.parametrize(("tuning", "name"), CELLS)
def test_what_is_exported_is_what_was_trained_and_padding_changes_nothing(tmp_path, tuning, name):
    plan = assemble(compose([f"tuning={tuning}", f"model={name}"]))
    if list(objections_to(plan)):
        return  # refused, see the matrix
    plain = plan.model.network(LABELS).eval()
    model = plan.tuning.adapt_model(plan.model.network(LABELS), None).eval()
    torch.manual_seed(0)
    for parameter in (p for p in model.parameters() if p.requires_grad):
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    trained = logits(model, IDS)
    assert (trained - logits(plain, IDS)).abs().max() > 1e-3
    assert (trained - logits(model, PADDED)).abs().max() < 1e-5 * trained.abs().max().clamp_min(1)
    exported = plan.tuning.export(model)
    artifact.save_model(exported, plan.model.tokenizer(), tmp_path, label_names=["a", "b"], max_length=32)
    found = logits(artifact.load_model(tmp_path), PADDED)
    assert (found - trained).abs().max() < 1e-5 * trained.abs().max().clamp_min(1)


def moved(model, by=0.5):
    """What learns lies elsewhere, in place."""
    generator = torch.Generator().manual_seed(0)
    for parameter in (p for p in model.parameters() if p.requires_grad):
        parameter.data.add_(by * torch.randn(parameter.shape, generator=generator))
    return model


def written(objective, model, ids):
    with torch.no_grad():
        return objective.written(model, {"input_ids": ids, "attention_mask": (ids != 0).long()})


def surest(objective, model, ids, text):
    """What a writing model holds for likeliest behind each beginning of a text."""
    with torch.no_grad():
        inputs = {"input_ids": ids, "attention_mask": (ids != 0).long(), **objective.more(text)}
        assert DECODER in inputs
        return model(**inputs).logits.argmax(-1)


@pytest.mark.parametrize("tuning", options_of("tuning"))
def test_a_model_that_writes_writes_what_it_was_tuned_to_and_what_is_exported_the_same(tmp_path, tuning):
    words = ["task=seq2seq", "task.train=pairs.csv", "model=tiny_t5", "engines=[eager]"]
    plan = assemble(compose([f"tuning={tuning}", *words]))
    if list(objections_to(plan)):
        return  # refused, see the card of the task
    objective = SequenceToSequence(most=8).reading(plan.model.tokenizer())
    plain, model = (moved(plan.model.network(objective)).eval() for _ in range(2))
    assert len(set(written(objective, plain, IDS)[0].tolist())) > 3  # a tied network of no training repeats itself
    torch.manual_seed(0)
    model = moved(plan.tuning.adapt_model(model, None).eval())
    text = written(objective, model, IDS)
    assert not torch.equal(text, written(objective, plain, IDS))
    assert torch.equal(text, written(objective, model, PADDED))
    assert torch.equal(text, surest(objective, model, IDS, text) * (text != 0))  # 0 stands behind the end
    exported = plan.tuning.export(model)
    artifact.save_model(exported, plan.model.tokenizer(), tmp_path, **objective.artifact_facts(), max_length=32)
    assert torch.equal(text, written(objective, artifact.load_model(tmp_path), PADDED))
