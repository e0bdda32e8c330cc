"""What an encoder-decoder writes of a text does not depend on the texts beside it, however many ways are followed."""

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration

from accel.model.tiny_t5 import TinyT5
from accel.objective.sequence_to_sequence import SequenceToSequence
from accel.ops.writing import write

IDS = torch.tensor([[10, 30, 3, 0, 0, 0], [11, 12, 13, 14, 15, 3], [99, 3, 0, 0, 0, 0], [40, 41, 42, 3, 0, 0]])


def sharpened(model):
    """Weights that make some texts longer than others."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.double().eval()


def t5():
    return sharpened(TinyT5(width=16, num_layers=1, num_heads=2).network(SequenceToSequence()))


def bart():
    sizes = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in
             {"layers": 1, "attention_heads": 2, "ffn_dim": 32}.items()}  # fmt: skip
    torch.manual_seed(0)
    config = BartConfig(vocab_size=261, d_model=16, max_position_embeddings=64, pad_token_id=0, bos_token_id=2,
                        eos_token_id=3, decoder_start_token_id=3, forced_eos_token_id=None, **sizes)  # fmt: skip
    return sharpened(BartForConditionalGeneration(config))


def by_hand(model, ids, most):
    """The likeliest token each time, without a cache."""
    ids = ids[ids != 0][None]
    found = [model.config.decoder_start_token_id]
    while len(found) <= most and (len(found) == 1 or found[-1] != model.config.eos_token_id):
        found.append(int(model(input_ids=ids, decoder_input_ids=torch.tensor([found])).logits[0, -1].argmax()))
    return found[1:]


@pytest.mark.parametrize("make", [t5, bart])
@pytest.mark.parametrize("beams", [1, 3])
def test_together_is_as_one_by_one(make, beams):
    model, mask = make(), (IDS != 0).long()
    together = write(model, IDS, mask, most=7, beams=beams)
    written = set()
    for row, ids, real in zip(together, IDS, mask, strict=True):
        alone = write(model, ids[real == 1][None], real[real == 1][None], most=7, beams=beams)[0]
        assert torch.equal(row[: len(alone)], alone)
        assert (row[len(alone) :] == model.config.pad_token_id).all()
        written.add(tuple(alone.tolist()))
    assert len(written) > 1  # what is written depends on what is read


@pytest.mark.parametrize("make", [t5, bart])
def test_one_way_is_the_likeliest_token_each_time(make):
    model = make()
    for row, ids in zip(write(model, IDS, (IDS != 0).long(), most=7, beams=1), IDS, strict=True):
        assert [token for token in row.tolist() if token != model.config.pad_token_id] == [
            token for token in by_hand(model, ids, 7) if token != model.config.pad_token_id
        ]


def test_a_checkpoints_own_settings_of_generation_are_not_asked():
    model = t5()
    expected = write(model, IDS, (IDS != 0).long(), most=5, beams=1)
    model.generation_config.update(min_new_tokens=5, num_beams=4, no_repeat_ngram_size=1)
    own = model.generation_config
    assert torch.equal(write(model, IDS, (IDS != 0).long(), most=5, beams=1), expected)
    assert model.generation_config is own
