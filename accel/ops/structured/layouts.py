"""Where attention heads, feed-forward channels and layers lie in each architecture.

The only file that knows module names of transformers' architectures; ``structure.py`` finds them in a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HEADS = "heads"
CHANNELS = "channels"


@dataclass(frozen=True)
class Layout:
    """Where one kind of block lies inside one layer of an architecture; paths are relative to the layer."""

    layer: str
    """Pattern of the layer's full module name."""
    kind: str
    inputs: tuple[str, ...]
    output: str
    owner: str = ""
    """Module that holds the attention's bookkeeping attributes."""
    count: str = ""
    """Attribute of the owner with the number of heads."""
    widths: tuple[str, ...] = ()
    """Attributes of the owner with the width of all heads together."""
    head_dim: str = ""
    """Attribute of the owner with the width of one head."""
    fused: int = 1
    """How many projections share each input layer's rows (GPT-2 keeps query, key and value in one)."""
    queries: str = ""
    """Attribute of the owner with the number of query heads that share keys and values: they go together."""
    biased: bool = False
    """Whether each head adds a bias for each distance, which the first layer computes for all layers (T5)."""
    positions: str = ""
    """The owner's table of those biases, a column for each head; only the first layer has one."""
    over_input: bool = True
    """Whether it attends over the tokens of the input: in a decoder beside an encoder it does not."""


_ENCODER_LAYER = r"(.*\.)?encoder\.layer\.\d+"
_BERT = (
    Layout(
        layer=_ENCODER_LAYER,
        kind=HEADS,
        inputs=("attention.self.query", "attention.self.key", "attention.self.value"),
        output="attention.output.dense",
        owner="attention.self",
        count="num_attention_heads",
        widths=("all_head_size",),
        head_dim="attention_head_size",
    ),
    Layout(layer=_ENCODER_LAYER, kind=CHANNELS, inputs=("intermediate.dense",), output="output.dense"),
)
_LLAMA_LAYER = r"(.*\.)?layers\.\d+"
_LLAMA = (
    Layout(
        layer=_LLAMA_LAYER,
        kind=HEADS,
        inputs=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        output="self_attn.o_proj",
        owner="self_attn",
        head_dim="head_dim",
        queries="num_key_value_groups",
    ),
    Layout(layer=_LLAMA_LAYER, kind=CHANNELS, inputs=("mlp.gate_proj", "mlp.up_proj"), output="mlp.down_proj"),
)
_DISTILBERT_LAYER = r"(.*\.)?transformer\.layer\.\d+"
_GPT2_LAYER = r"(.*\.)?h\.\d+"
_T5_TABLE = "relative_attention_bias"
_T5_FEED_FORWARD = r".*\.block\.\d+\.layer\.\d+\.DenseReluDense"


def _t5_attention(layer: str, name: str, *, positions: str, over_input: bool) -> Layout:
    return Layout(
        layer=layer,
        kind=HEADS,
        inputs=(f"{name}.q", f"{name}.k", f"{name}.v"),
        output=f"{name}.o",
        owner=name,
        count="n_heads",
        widths=("inner_dim",),
        head_dim="key_value_proj_dim",
        biased=True,
        positions=positions,
        over_input=over_input,
    )


LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "distilbert": (
        Layout(
            layer=_DISTILBERT_LAYER,
            kind=HEADS,
            inputs=("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            output="attention.out_lin",
            owner="attention",
            count="n_heads",
            head_dim="attention_head_size",
        ),
        Layout(layer=_DISTILBERT_LAYER, kind=CHANNELS, inputs=("ffn.lin1",), output="ffn.lin2"),
    ),
    "gpt2": (
        Layout(
            layer=_GPT2_LAYER,
            kind=HEADS,
            inputs=("attn.c_attn",),
            output="attn.c_proj",
            owner="attn",
            count="num_heads",
            widths=("split_size",),
            head_dim="head_dim",
            fused=3,
        ),
        Layout(layer=_GPT2_LAYER, kind=CHANNELS, inputs=("mlp.c_fc",), output="mlp.c_proj"),
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "t5": (
        _t5_attention(r"(.*\.)?encoder\.block\.\d+\.layer\.0", "SelfAttention", positions=_T5_TABLE, over_input=True),
        _t5_attention(r"(.*\.)?decoder\.block\.\d+\.layer\.0", "SelfAttention", positions=_T5_TABLE, over_input=False),
        _t5_attention(r"(.*\.)?decoder\.block\.\d+\.layer\.1", "EncDecAttention", positions="", over_input=False),
        Layout(layer=_T5_FEED_FORWARD, kind=CHANNELS, inputs=("wi",), output="wo"),
        Layout(layer=_T5_FEED_FORWARD, kind=CHANNELS, inputs=("wi_0", "wi_1"), output="wo"),
    ),
}


STACKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "bert": ((r"(.*\.)?encoder\.layer", "num_hidden_layers"),),
    "roberta": ((r"(.*\.)?encoder\.layer", "num_hidden_layers"),),
    "xlm-roberta": ((r"(.*\.)?encoder\.layer", "num_hidden_layers"),),
    "distilbert": ((r"(.*\.)?transformer\.layer", "n_layers"),),
    "gpt2": ((r"(.*\.)?h", "n_layer"),),
    "llama": ((r"(.*\.)?layers", "num_hidden_layers"),),
    "mistral": ((r"(.*\.)?layers", "num_hidden_layers"),),
    "qwen2": ((r"(.*\.)?layers", "num_hidden_layers"),),
    "qwen3": ((r"(.*\.)?layers", "num_hidden_layers"),),
    "t5": ((r"(.*\.)?encoder\.block", "num_layers"), (r"(.*\.)?decoder\.block", "num_decoder_layers")),
}
"""Where an architecture keeps its layers, and which key of its configuration counts them."""
