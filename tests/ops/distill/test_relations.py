import torch
import torch.nn.functional as F

from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.distill.relations import LastAttention, relation_distance


def qkv(seed, width=12, tokens=5):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, tokens, width, generator=generator) for _ in range(3)]


def test_agrees_with_the_formula_written_out():
    """Head by head, token by token, as in the paper's equations 5 to 7."""
    ours, theirs, heads = qkv(0), qkv(1), 3
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    total = 0.0
    for s, t in zip(ours, theirs, strict=True):
        for example in range(2):
            n = int(mask[example].sum())
            for head in range(heads):
                part = slice(4 * head, 4 * head + 4)
                p, q = ((x[example, :n, part] @ x[example, :n, part].T / 4**0.5).softmax(-1) for x in (s, t))
                total += float((q * (q / p).log()).sum()) / n / heads / 2 / 3
    assert torch.allclose(relation_distance(ours, theirs, mask, heads), torch.tensor(total), atol=1e-6)


def test_padding_changes_nothing():
    ours, theirs = qkv(0), qkv(1)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    before = relation_distance(ours, theirs, mask, 3)
    for x in ours:
        x[1, 3:] = 100
    assert torch.equal(relation_distance(ours, theirs, mask, 3), before)
    assert not torch.equal(relation_distance(ours, theirs, torch.ones_like(mask), 3), before)


def test_widths_may_differ_and_heads_are_cut_to_what_both_share():
    found = relation_distance(qkv(0, width=8), qkv(1, width=12), torch.ones(2, 5), heads=12)
    assert torch.allclose(found, relation_distance(qkv(0, width=8), qkv(1, width=12), torch.ones(2, 5), heads=4))


def test_hears_the_last_attention_of_the_last_forward_pass_once():
    model = TinyBert().network(Classification(["a", "b"])).eval()
    attention = LastAttention(model, "student")
    ids = torch.randint(5, 200, (2, 8), generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
    heard = attention.take()
    layer = model.bert.encoder.layer[1].attention.self
    for found, projection in zip(heard, (layer.query, layer.key, layer.value), strict=True):
        assert torch.equal(found, F.linear(hidden[1], projection.weight, projection.bias))
    assert attention.take() == []
