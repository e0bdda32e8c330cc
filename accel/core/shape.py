"""The shape of a transformer, read off its configuration: how many parameters, operations and activations. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accel.core.family import family_of
from accel.errors import DataError

KEYS: Mapping[str, tuple[str, ...]] = {
    "num_layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "width": ("hidden_size", "n_embd", "d_model", "dim"),
    "num_heads": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
    "feed_forward": ("intermediate_size", "n_inner", "d_ff", "hidden_dim"),
    "vocabulary": ("vocab_size",),
}
"""What the families call the same thing in config.json."""
ALSO_AFTER_PADDING = ("xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text")
"""Of the families that accel only forecasts, those whose ``positions_after_padding``."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What decides a transformer's memory and time."""

    num_layers: int
    width: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    feed_forward: int
    """Channels of the feed-forward network."""
    gated: bool
    """Whether the feed-forward network has a second projection that multiplies the first."""
    vocabulary: int
    num_positions: int = 0
    """Rows of a table of positions, where there is one."""
    first_position: int = 0
    """The row of that table that a text begins at."""
    num_decoder_layers: int = 0
    """Layers that attend to an encoder's output as well."""

    @classmethod
    def from_config(cls, values: Mapping[str, Any], where: str) -> Shape:
        """From the values of a config.json.

        Raises:
            DataError: a key is missing; ``where`` names the file.
        """
        found = {name: _first(values, names, name, where) for name, names in KEYS.items() if name != "feed_forward"}
        width, heads = found["width"], found["num_heads"]
        name = str(values.get("model_type", ""))
        family, after_padding = family_of(name), name in ALSO_AFTER_PADDING
        positions = values.get("max_position_embeddings") or values.get("n_positions") or 0
        return cls(
            **found,
            num_kv_heads=int(values.get("num_key_value_heads") or heads),
            head_dim=int(values.get("head_dim") or values.get("d_kv") or width // heads),
            feed_forward=int(next((values[k] for k in KEYS["feed_forward"] if values.get(k)), 4 * width)),
            gated=family.gated or str(values.get("feed_forward_proj", "")).startswith("gated"),
            num_positions=int(positions) if family.position_table else 0,
            first_position=_padding(values) + 1 if family.positions_after_padding or after_padding else 0,
            num_decoder_layers=int(values.get("num_decoder_layers") or found["num_layers"]) * family.encoder_decoder,
        )

    @property
    def usable_positions(self) -> int:
        """Tokens of the longest text; 0 where there is no table that could be too short."""
        return max(0, self.num_positions - self.first_position)

    @property
    def attention_weights(self) -> int:
        """Weights of one attention: queries and output, keys and values."""
        return 2 * self.width * self.head_dim * (self.num_heads + self.num_kv_heads)

    @property
    def feed_forward_weights(self) -> int:
        """Weights of one feed-forward network."""
        return (3 if self.gated else 2) * self.width * self.feed_forward

    @property
    def layer_weights(self) -> int:
        """Weights that one layer multiplies every token with."""
        return self.attention_weights + self.feed_forward_weights

    @property
    def body_weights(self) -> int:
        """Weights of all layers; a decoder beside an encoder attends twice."""
        decoder = self.num_decoder_layers * (self.layer_weights + self.attention_weights)
        return self.num_layers * self.layer_weights + decoder

    @property
    def linear_edges(self) -> int:
        """Inputs plus outputs of all linear layers: what an adapter of rank one has as parameters."""
        queries, keys = self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        attention = 4 * self.width + 2 * queries + 2 * keys
        feed_forward = (3 if self.gated else 2) * (self.width + self.feed_forward)
        decoder = self.num_decoder_layers * (2 * attention + feed_forward)
        return self.num_layers * (attention + feed_forward) + decoder

    @property
    def embedding_weights(self) -> int:
        """Rows that are looked up."""
        return (self.vocabulary + self.num_positions) * self.width

    @property
    def num_parameters(self) -> int:
        """Without biases, norms and the task's head, which are below one in a hundred."""
        return self.body_weights + self.embedding_weights

    @property
    def largest_unit(self) -> int:
        """Parameters that a sharded strategy gathers at once: a layer, or the embedding."""
        return max(self.layer_weights, self.embedding_weights)

    def forward_flops(self, tokens: int, sequence_length: int) -> float:
        """Multiplications and additions of a forward pass, attention's products included."""
        per_layer = 4 * sequence_length * self.num_heads * self.head_dim
        layers = self.num_layers + 2 * self.num_decoder_layers
        return tokens * (2.0 * self.body_weights + layers * per_layer)

    def activations_per_token(self) -> int:
        """Numbers that one layer keeps of each token for its backward pass, with attention that stores no products.

        Korthikanti et al. 2022 (arXiv 2205.05198), section 4.1: inputs of the projections, queries, keys, values, the
        attention's output, the feed-forward network's values before and after its activation, and two norms.
        """
        queries, keys = self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        attention = self.width + 2 * queries + 2 * keys + self.width // 2
        feed_forward = self.width + (4 if self.gated else 2) * self.feed_forward + self.width // 2
        return attention + feed_forward + 2 * self.width


def _padding(values: Mapping[str, Any]) -> int:
    """The padding token's id; 1 where the configuration leaves out what these families assume."""
    found = values.get("pad_token_id")
    return 1 if found is None else int(found)


def _first(values: Mapping[str, Any], names: tuple[str, ...], what: str, where: str) -> int:
    for name in names:
        if values.get(name):
            return int(values[name])
    raise DataError(
        f"{where} does not say {what.replace('_', ' ')} (one of {', '.join(names)}): accel cannot forecast."
    )
