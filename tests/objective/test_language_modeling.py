""""""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig

from accel.errors import DataError
from accel.objective.language_modeling import IGNORED, LanguageModelling, TokenScores


def test_a_network_that_sees_what_it_should_predict_is_no_language_model():
    with pytest.raises(DataError, match="must predict each token from those before it"):
        LanguageModelling().configured(BertConfig())


def test_scores_of_tokens_do_not_depend_on_batches_or_padding():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(4, 9, 7, generator=generator), torch.randint(0, 7, (4, 9), generator=generator)
    labels[1, 5:] = labels[3, 2:] = IGNORED
    whole, parts = TokenScores(50), TokenScores(50)
    whole.update(logits, labels)
    for i in range(4):
        parts.update(logits[i : i + 1, : 6 if i == 1 else 9], labels[i : i + 1, : 6 if i == 1 else 9])
    expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    found = whole.compute().metrics
    assert found == pytest.approx(parts.compute().metrics)
    assert found["loss"] == pytest.approx(float(expected))
    assert found["perplexity"] == pytest.approx(float(expected.exp()))
    whole.reset()
    whole.update(logits[:1], labels[:1])
    assert whole.compute().metrics["loss"] != found["loss"]
