import torch
import torch.nn.functional as F

from accel.objective.classification import Classification
from accel.objective.language_modeling import LanguageModelling


def test_predictions_are_compared_as_distributions():
    ours, theirs = torch.randn(2, 5, 3, generator=torch.manual_seed(0)).double()
    expected = F.kl_div(ours.log_softmax(-1), theirs.softmax(-1), reduction="sum")
    for objective in (Classification(["x", "y", "z"]), LanguageModelling()):
        assert torch.allclose(objective.divergence(ours, theirs), expected)
        assert torch.allclose(objective.imitation(ours, theirs, 1.0), expected / 5)
        assert objective.divergence(ours, ours + 1).abs() < 1e-12  # a shift of all logits is the same distribution
