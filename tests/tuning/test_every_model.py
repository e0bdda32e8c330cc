"""Every tuning on every class of architecture: what is exported computes what was trained, and padding changes nothing."""

import pytest
import torch

from accel.config.compose import compose, options_of
from accel.objective.classification import Classification
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
