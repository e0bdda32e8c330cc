"""Families of architectures, by transformers' ``model_type``: one declaration for each, and all that follows from it.

A new family is one entry of ``FAMILIES``. Module names of transformers' architectures stand here and nowhere else;
``ops/structured/structure.py`` finds them in a model. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, kw_only=True)
class StackLayout:
    """Where an architecture keeps layers."""

    layers: str
    """Pattern of the full name of the list of layers."""
    count: str
    """Key of the configuration that counts them."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """What tells an architecture from others; the defaults are those of one that accel does not know."""

    layouts: tuple[Layout, ...] = ()
    stacks: tuple[StackLayout, ...] = ()
    causal: bool = False
    """Whether each token is predicted from those before it."""
    encoder_decoder: bool = False
    gated: bool = False
    """Whether the feed-forward network multiplies two projections, whatever the configuration says."""
    biases: bool = True
    """Whether any layer of the body has biases."""
    position_table: bool = True
    """Whether positions are looked up in a table, which bounds the length of a text."""
    positions_after_padding: bool = False
    """Whether positions are numbered from the one behind the padding token's id: a table of 514 reads 512."""
    pooled_at_first: bool = False
    """Whether a classifier reads the first token."""
    reads_past: bool = True
    """Whether its attention takes keys and values that were computed before."""


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


_DISTILBERT = (
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
)
_GPT2 = (
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
)
_T5 = (
    _t5_attention(r"(.*\.)?encoder\.block\.\d+\.layer\.0", "SelfAttention", positions=_T5_TABLE, over_input=True),
    _t5_attention(r"(.*\.)?decoder\.block\.\d+\.layer\.0", "SelfAttention", positions=_T5_TABLE, over_input=False),
    _t5_attention(r"(.*\.)?decoder\.block\.\d+\.layer\.1", "EncDecAttention", positions="", over_input=False),
    Layout(layer=_T5_FEED_FORWARD, kind=CHANNELS, inputs=("wi",), output="wo"),
    Layout(layer=_T5_FEED_FORWARD, kind=CHANNELS, inputs=("wi_0", "wi_1"), output="wo"),
)
_BERT_FAMILY = Family(
    layouts=_BERT,
    stacks=(StackLayout(layers=r"(.*\.)?encoder\.layer", count="num_hidden_layers"),),
    pooled_at_first=True,
)
_ROBERTA_FAMILY = replace(_BERT_FAMILY, positions_after_padding=True)
_LLAMA_FAMILY = Family(
    layouts=_LLAMA,
    stacks=(StackLayout(layers=r"(.*\.)?layers", count="num_hidden_layers"),),
    causal=True,
    gated=True,
    biases=False,
    position_table=False,
)

_T5_FAMILY = Family(
    layouts=_T5,
    stacks=(
        StackLayout(layers=r"(.*\.)?encoder\.block", count="num_layers"),
        StackLayout(layers=r"(.*\.)?decoder\.block", count="num_decoder_layers"),
    ),
    encoder_decoder=True,
    biases=False,
    position_table=False,
)
_BART_FAMILY = Family(encoder_decoder=True)

FAMILIES: Mapping[str, Family] = {
    "bert": _BERT_FAMILY,
    "roberta": _ROBERTA_FAMILY,
    "xlm-roberta": _ROBERTA_FAMILY,
    "distilbert": Family(
        layouts=_DISTILBERT,
        stacks=(StackLayout(layers=r"(.*\.)?transformer\.layer", count="n_layers"),),
        pooled_at_first=True,
        reads_past=False,
    ),
    "gpt2": Family(layouts=_GPT2, stacks=(StackLayout(layers=r"(.*\.)?h", count="n_layer"),), causal=True),
    "t5": _T5_FAMILY,
    "mt5": _T5_FAMILY,
    "bart": _BART_FAMILY,
    "mbart": _BART_FAMILY,
    "llama": _LLAMA_FAMILY,
    "mistral": _LLAMA_FAMILY,
    "qwen2": replace(_LLAMA_FAMILY, biases=True),
    "qwen3": _LLAMA_FAMILY,
}
"""Every architecture of which accel knows more than the defaults."""
SUPPORTED_FAMILIES = tuple(name for name, family in FAMILIES.items() if family.layouts)
"""Those that it takes apart."""
CAUSAL_FAMILIES = tuple(name for name, family in FAMILIES.items() if family.causal)


def family_of(model_type: str) -> Family:
    """The declaration of an architecture; the defaults for one that accel does not know."""
    return FAMILIES.get(model_type, Family())
