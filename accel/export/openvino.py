"""OpenVINO's own files: an .xml that describes the graph and a .bin with its weights. The only file that makes them.

A quantized model keeps its int8 weights and their scales. OpenVINO rounds the activations of such a product in groups
of each token's values, finer than the scale of the whole token that the model was trained with; how large the groups
are stands in the file, so that whoever loads it needs to know nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from accel.core.extras import install_words
from accel.export.onnx import UnsupportedError, export_onnx
from accel.export.onnx_layers import quantized_linears, with_dequantized_weights

GROUP_SIZE = ("runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE")
"""Where its CPU plugin looks for it in a file."""
STEP = 32
GROUP_OVERHEAD = 16
"""A group of values costs as much as so many more of them (fitted: 251 Gop/s in groups of 32, 375 in groups of 512)."""
FALLBACK = 3.5
"""How many times slower a layer is that has fewer inputs than a group: it is multiplied in fp32."""


def convert_onnx(source: Path, target: Path, group_size: int | None = None) -> None:
    """Write an .onnx file as OpenVINO's .xml and .bin, each value as it is.

    Args:
        group_size: of the activations that are rounded together in int8 products; None for a file without such.

    Raises:
        UnsupportedError: OpenVINO is not installed, or cannot read the file.
    """
    try:
        import openvino
    except ImportError:
        raise UnsupportedError(f"openvino is not installed: {install_words('openvino')}") from None
    try:
        model = openvino.Core().read_model(source)
        if group_size is not None:
            model.set_rt_info(str(group_size), list(GROUP_SIZE))
        openvino.save_model(model, target, compress_to_fp16=False)
    except Exception as error:  # its exceptions share no public base class
        raise UnsupportedError(f"OpenVINO cannot read this model: {str(error)[:200]}") from error


def export_int8(model: nn.Module, target: Path) -> None:
    """Write a model whose linear layers have int8 weights, with those very weights.

    Raises:
        UnsupportedError: OpenVINO is not installed, or the architecture has no ONNX form, which OpenVINO reads it from.
    """
    with TemporaryDirectory() as folder:
        source = Path(folder, "model.onnx")
        export_onnx(with_dequantized_weights(model), source)
        convert_onnx(source, target, group_size([(m.in_features, m.out_features) for m in quantized_linears(model)]))


def group_size(layers: Sequence[tuple[int, int]]) -> int:
    """The number of activations that are rounded together for which all products are fastest.

    Measured on one AVX-512 VNNI core, 128 tokens: larger groups are faster, a row is filled up to whole groups, and a
    layer with fewer inputs than a group falls back to fp32.

    Args:
        layers: (in_features, out_features) of each layer.
    """

    def cost(size: int) -> float:
        return sum(rows * _cost(columns, size) for columns, rows in layers)

    widest = max(columns for columns, _ in layers)
    return min(range(STEP, max(widest, STEP) + 1, STEP), key=cost)


def _cost(columns: int, size: int) -> float:
    if columns < size:
        return FALLBACK * columns
    return -(-columns // size) * size * (1 + GROUP_OVERHEAD / size)
