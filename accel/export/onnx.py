"""ONNX files: exported, quantized, and compared with the model they came from. The only file that makes them."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from accel.core.engine import Runner
from accel.errors import RunError
from accel.export.saturation import saturates
from accel.ops.inputs import DECODER, IDS, MASK, PLAIN, TYPES, inputs_of

OPSET = 20
FP32_TOLERANCE = 1e-4
"""Largest difference of a logit that an fp32 export may show; beyond it the export fails."""
FP32_RELATIVE_TOLERANCE = 2e-5
"""The same as a share of the largest logit, where that is more: those of a language model are several tens."""
ROUNDED_TOLERANCE = 0.08
"""The same for rounded activations, of all logits together (root mean square of the differences over that of the
logits): where fp32 sums differ in their last bit, an activation may fall on the next step of its grid, and with it
whatever follows. The same models: 0.017 (half of MiniLM) and 0.036 (six layers of e5-small, whose largest difference is
9 % of the largest logit). With the scale of one layer off by half: 0.03 to 0.45, so that a small fault in one layer may
pass, as it may where the largest difference is judged."""
COARSE_TOLERANCE = 0.5
"""The same for activations that are rounded block by block, in a file whose weights were compared in fp32 before."""
TINY = 1e-30
NOT_KEPT = "it is not the same model and was not kept. Report the architecture; the safetensors folder is complete."
SHAPES = ((1, 8), (2, 16), (3, 33), (4, 64), (8, 99), (1, 128))


class ExportError(RunError):
    """An export that cannot be made, or that does not compute what the trained model computes."""


class UnsupportedError(ExportError):
    """An export that cannot be made of this architecture, or here: a reason to leave it out."""


@dataclass(frozen=True)
class Parity:
    """How far an export is from its model, over several shapes with random padding."""

    max_abs_diff: float
    largest: float
    """Largest magnitude of a logit."""
    argmax_agreement: float
    """Share of answers with the same best choice, in [0, 1]."""
    relative: float
    """Root mean square of the differences over that of the logits."""


class Logits(nn.Module):
    """The graph that is exported: every input of the model in, in the order of ``inputs_of``, logits out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.names = inputs_of(model)

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.model(**dict(zip(self.names, tensors, strict=True))).logits


def export_onnx(model: nn.Module, path: Path) -> None:
    """Write the fp32 model as one file with dynamic batch and length.

    Raises:
        UnsupportedError: the architecture cannot be exported.
    """
    names = inputs_of(model)
    example = tuple(torch.ones(2, 16, dtype=torch.long) for _ in names)
    example[0][:, -1] = _end_token(model)
    try:
        with silence(), _plain_attention(model):
            program = torch.onnx.export(
                Logits(model).eval(),
                example,
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=any_shape(names),
                input_names=list(names),
                output_names=["logits"],
            )
            assert program is not None
            program.save(str(path), external_data=False)
    except Exception as error:  # the exporter's failures have no common class
        raise UnsupportedError(
            f"This model cannot be exported to ONNX ({type(error).__name__}: {str(error).splitlines()[0][:200]}). Its "
            f"safetensors folder is complete; accel predict and accel.load use that."
        ) from error


def any_shape(names: Sequence[str]) -> tuple[tuple[Mapping[int, Any], ...]]:
    """What torch's exporters are told of ``Logits``: batch and length of every input are free."""
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    return (tuple(axes for _ in names),)


def quantize_onnx(source: Path, target: Path) -> None:
    """onnxruntime's own dynamic int8 of a file, weights per channel, embeddings included."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    weight_type = QuantType.QUInt8 if saturates() else QuantType.QInt8
    with silence():
        quantize_dynamic(str(source), str(target), weight_type=weight_type, per_channel=True)


def parity(model: nn.Module, runner: Runner, seed: int = 0) -> Parity:
    """Compare what runs with the model it should equal, on random token ids and padding."""
    generator = np.random.default_rng(seed)
    difference, largest, same, answers = 0.0, 0.0, 0, 0
    squares = np.zeros(2)
    for batch_size, length in SHAPES:
        inputs = random_inputs(model, batch_size, length, generator)
        with torch.inference_mode():
            expected = model(**{k: torch.from_numpy(v) for k, v in inputs.items()}).logits.float().numpy()
        found = runner.run(inputs)
        difference = float(np.maximum(difference, np.abs(expected - found).max()))  # unlike max(), keeps a NaN
        largest = float(np.maximum(largest, np.abs(expected).max()))
        squares += [np.square(each, dtype=np.float64).sum() for each in (expected - found, expected)]
        agrees = expected.argmax(-1) == found.argmax(-1)
        same, answers = same + int(agrees.sum()), answers + agrees.size
    return Parity(difference, largest, same / answers, float(np.sqrt(squares[0] / max(squares[1], TINY))))


def require_parity(found: Parity, what: str) -> None:
    """Fail an fp32 export that is not the model.

    Raises:
        ExportError: with the difference and the tolerance.
    """
    _require(found, what, max(FP32_TOLERANCE, FP32_RELATIVE_TOLERANCE * found.largest))


def require_rounded_parity(found: Parity, what: str) -> None:
    """Fail a quantized export that is not the model.

    Raises:
        ExportError: with the difference and the tolerance.
    """
    if not found.relative <= ROUNDED_TOLERANCE:
        raise ExportError(
            f"{what} differs from the trained model by {found.relative:.1%} of its logits, more than "
            f"{ROUNDED_TOLERANCE:.0%}: {NOT_KEPT}"
        )


def require_coarse_parity(found: Parity, what: str) -> None:
    """Fail a file whose weights were proven to be the model's, and whose faster kernel computes something else.

    Raises:
        ExportError: with the difference and the tolerance.
    """
    _require(found, what, COARSE_TOLERANCE * max(1.0, found.largest))


def _require(found: Parity, what: str, allowed: float) -> None:
    if not found.max_abs_diff <= allowed:
        raise ExportError(
            f"{what} differs from the trained model by {found.max_abs_diff:.2e}, more than {allowed:.0e}: {NOT_KEPT}"
        )


def random_inputs(
    model: nn.Module, batch_size: int, length: int, generator: np.random.Generator | None = None
) -> Mapping[str, np.ndarray]:
    """All that the model is given: token ids, a right-padding mask of random lengths, and the rest at random.

    Every row ends in the model's end token.

    Raises:
        UnsupportedError: the model is given something that accel cannot make up.
    """
    generator = generator or np.random.default_rng(0)
    config = model.config
    end, pad = _end_token(model), getattr(config, "pad_token_id", None) or 0
    others = np.setdiff1d(np.arange(config.vocab_size), [end, pad])  # type: ignore[union-attr]
    ids = generator.choice(others, size=(batch_size, length))
    mask = np.ones_like(ids)
    lengths = generator.integers(max(2, length // 2), length + 1, size=batch_size)
    lengths[0] = length
    for row, size in enumerate(lengths):
        ids[row, size - 1] = end
        ids[row, size:] = pad
        mask[row, size:] = 0
    return {IDS: ids, MASK: mask} | {name: _made_up(name, lengths, ids.shape, generator) for name in _others(model)}


def _others(model: nn.Module) -> list[str]:
    return [name for name in inputs_of(model) if name not in PLAIN]


def _made_up(name: str, lengths: np.ndarray, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    if name not in MADE_UP:
        raise UnsupportedError(f"accel cannot make up {name} to compare a file of this model with it.")
    return MADE_UP[name](lengths, shape, generator)


def _two_texts(lengths: np.ndarray, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """0 in the first text and in padding, 1 in the second; both have at least one token."""
    place, second = np.arange(shape[1]), generator.integers(1, lengths)
    return ((place >= second[:, None]) & (place < lengths[:, None])).astype(np.int64)


MADE_UP: Mapping[str, Callable[[np.ndarray, tuple[int, ...], np.random.Generator], np.ndarray]] = {
    TYPES: _two_texts,
    DECODER: lambda lengths, shape, generator: generator.integers(0, 8, shape),
}
"""(lengths, shape, generator) -> int64 of that shape, by the input's name."""


@contextlib.contextmanager
def _plain_attention(model: nn.Module) -> Iterator[None]:
    """Export attention as two products and a softmax.

    The exporter's form of torch's fused attention looks for NaN after every softmax, which costs time and hides
    attention from engines that would fuse it themselves.
    """
    kept = model.config._attn_implementation  # type: ignore[union-attr]
    model.set_attn_implementation("eager")  # type: ignore[operator]
    try:
        yield
    finally:
        model.set_attn_implementation(kept)  # type: ignore[operator]


def _end_token(model: nn.Module) -> int:
    for name in ("eos_token_id", "sep_token_id"):
        value = getattr(model.config, name, None)
        if isinstance(value, int):
            return value
    return 1


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """The exporters print and warn about what a user of accel cannot change."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
