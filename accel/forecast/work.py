"""What one rank does in one optimizer step, and what it must hold, before anything is spread."""

from __future__ import annotations

from dataclasses import dataclass

from accel.core.shape import Shape

WEIGHT_BYTES = 4
"""Weights, gradients and each of AdamW's two moments are fp32 whatever the products are computed in."""
STATES_PER_TRAINED = 3
"""Gradient and two moments."""
ADAMW_BYTES = 28
"""Per trained parameter and step: weight, gradient and moments are read, weight and moments are written."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One optimizer step of one data-parallel share."""

    shape: Shape
    trained_share: float
    """Share of the parameters that learn."""
    tokens: int
    """Padded tokens of one forward pass."""
    accumulate: int
    """Forward passes per optimizer step."""
    sequence_length: int
    product_bytes: int
    """Bytes of a number in the matrix products and activations: 2 for bf16, 4 for fp32."""
    checkpointing: bool = False
    """Whether a layer's activations are computed again for its backward pass."""

    @property
    def trained(self) -> float:
        """Parameters that learn."""
        return self.trained_share * self.shape.num_parameters

    @property
    def flops(self) -> float:
        """Of the step: backward costs twice the forward pass, half of it where weights do not learn."""
        forward = self.accumulate * self.shape.forward_flops(self.tokens, self.sequence_length)
        return forward * (2 + self.trained_share + self.checkpointing)

    @property
    def backward_share(self) -> float:
        """Of the step's operations, those that collectives of gradients can hide behind."""
        return (1 + self.trained_share) / (2 + self.trained_share + self.checkpointing)

    @property
    def state_bytes(self) -> float:
        """Weights, gradients and optimizer state, of the whole model."""
        return WEIGHT_BYTES * (self.shape.num_parameters + STATES_PER_TRAINED * self.trained)

    @property
    def activation_bytes(self) -> float:
        """Kept for the backward pass: everything, or each layer's input and one layer's insides."""
        layers = self.shape.num_layers + self.shape.num_decoder_layers
        inside = self.shape.activations_per_token()
        kept = inside + layers * self.shape.width if self.checkpointing else layers * inside
        return float(self.tokens * kept * self.product_bytes)
