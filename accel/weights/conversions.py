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
