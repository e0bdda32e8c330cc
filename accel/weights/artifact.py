"""An exported model's folder: safetensors, configuration, tokenizer, and what was removed, so that it reloads.

A model that was neither resized nor quantized, and that nothing was added to, is a plain transformers folder; any other
carries in ``accel.json`` the number of units of each block, the quantization scheme and the edits, and has its rounded
weights beside their scales.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from accel.core.checksums import SUMS, require_whole, write_sums
from accel.core.edits import replay, stored_edits
from accel.core.logs import quiet_import
from accel.core.meta import META, Meta
from accel.core.seen import Seen
from accel.errors import DataError, NonFiniteLossError
from accel.ops import inserts, prefixes, prompts  # noqa: F401 - imported, so that their edits are known
from accel.ops.inputs import PLAIN, TYPES, note_inputs
from accel.ops.quantize import fake_quantize, quantized_layers
from accel.ops.quantize.schemes import SCHEMES
from accel.ops.structured import structure
from accel.weights.meta import WEIGHTS, read_meta, small_files
from accel.weights.pretrained import load_config, load_tokenizer, quiet

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def save_model(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    label_names: Sequence[str],
    max_length: int,
    objective: str = "classification",
    answering: Mapping[str, Any] = MappingProxyType({}),
    num_text_columns: int = 1,
    inputs: Sequence[str] = PLAIN,
    trained_on: Sequence[Seen] = (),
    private: bool = False,
) -> None:
    """Write everything that ``load_model`` and a user of the model need; the weights are written last.

    Raises:
        NonFiniteLossError: a weight is NaN or infinite; nothing is written.
    """
    state, shared = _unshared({name: value.detach() for name, value in model.state_dict().items()})
    _require_finite(state)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMS).unlink(missing_ok=True)  # of a model that was here before
    meta = Meta(
        objective=objective,
        answering=dict(answering),
        label_names=list(label_names),
        max_length=max_length,
        num_text_columns=num_text_columns,
        inputs=list(inputs),
        num_units=structure.count_units(model),
        shared=shared,
        trained_on=tuple(trained_on),
        private=private,
        edits=stored_edits(model),
        scheme=fake_quantize.scheme_name(model),
    )
    model.config.save_pretrained(folder)  # type: ignore[union-attr]
    tokenizer.save_pretrained(folder)
    (folder / META).write_text(json.dumps(asdict(meta), ensure_ascii=False, indent=1), "utf8")
    temporary = folder / f".{WEIGHTS}.tmp"
    save_file(state, temporary, metadata={"format": "pt"})
    temporary.chmod((folder / META).stat().st_mode)  # safetensors writes for the owner alone: servers run as others
    temporary.replace(folder / WEIGHTS)
    write_sums(folder, [WEIGHTS, *small_files(folder)])


def load_model(folder: Path) -> nn.Module:
    """The exported model in eval mode, as it was when it was saved.

    Raises:
        DataError: the folder holds no exported model, its weights do not fit it, or a file is damaged.
    """
    from accel.objective.registry import objective_of
    from accel.ops.conv1d import linearize

    meta = read_meta(folder)
    require_whole(folder, [WEIGHTS, *small_files(folder)])
    with quiet_import(), quiet(), torch.random.fork_rng(devices=[]):
        model = objective_of(meta).auto_class().from_config(load_config(folder, "model"))
    model = linearize(model)
    structure.resize(model, meta.num_units)
    replay(model, meta.edits)
    state = _read_weights(folder / WEIGHTS)
    state |= {name: state[original] for name, original in meta.shared.items()}
    try:
        _restore(model, state, meta)
    except (RuntimeError, AttributeError, KeyError) as error:
        raise DataError(
            f"{folder / WEIGHTS} does not fit its configuration: {str(error)[:300]}. Export again."
        ) from error
    return note_inputs(model, input_names(folder, meta)).eval()


def input_names(folder: Path, meta: Meta) -> Sequence[str]:
    """What an exported model is given; where nobody noted it, what its tokenizer makes of a pair tells."""
    if meta.inputs:
        return meta.inputs
    told_apart = meta.num_text_columns == 2 and TYPES in tokenizer_of(folder).model_input_names
    return (*PLAIN, TYPES) if told_apart else PLAIN


def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    """The exported tokenizer."""
    return load_tokenizer(folder)


def shipped_bytes(folder: Path, weights: Sequence[str] = (WEIGHTS,)) -> int:
    """Bytes of the named weight files and of everything small beside them that is needed to predict."""
    return sum((folder / name).stat().st_size for name in [*small_files(folder), *weights])


def _require_finite(state: Mapping[str, Tensor]) -> None:
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise NonFiniteLossError(
            f"{len(broken)} of the trained weights are NaN or infinite, {broken[0]} among them, so no model was "
            f"written. Lower trainer.learning_rate, raise trainer.warmup, or use trainer.precision=fp32."
        )


def _unshared(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Store a tensor that has two names once: safetensors refuses shared memory."""
    first: dict[tuple[Any, ...], str] = {}
    shared: dict[str, str] = {}
    for name, value in state.items():
        identity = (value.data_ptr(), value.shape, value.dtype, value.stride())
        if value.numel() and identity in first:
            shared[name] = first[identity]
        else:
            first[identity] = name
    return {name: value.contiguous() for name, value in state.items() if name not in shared}, shared


def _read_weights(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{file} cannot be read ({error}). Copy the folder again, or export again.") from error


def _restore(model: nn.Module, state: dict[str, Tensor], meta: Meta) -> None:
    model.requires_grad_(False)
    scheme = SCHEMES[meta.scheme]()
    quantized_layers.put_in_place(model, state, scheme.layer)
    setattr(model, fake_quantize.SCHEME, scheme)
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise RuntimeError(f"missing {missing[:3]}, unexpected {list(unexpected)[:3]}")
