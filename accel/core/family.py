"""Families of architectures, by transformers' ``model_type``."""

from __future__ import annotations

SUPPORTED_FAMILIES = (
    "bert", "roberta", "xlm-roberta", "distilbert", "gpt2", "t5", "llama", "mistral", "qwen2", "qwen3",
)  # fmt: skip
CAUSAL_FAMILIES = ("gpt2", "llama", "mistral", "qwen2", "qwen3")
"""Architectures that predict each token from those before it."""
WITHOUT_BIASES = ("t5", "llama", "mistral", "qwen3")
GATED = ("llama", "mistral", "qwen2", "qwen3")
"""Families whose feed-forward network multiplies two projections."""
