"""How fast a language model writes: the prompt at once, then token by token with a cache of keys and values."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

PROMPT_TOKENS = 64
NEW_TOKENS = 32
ROUNDS = 5


@dataclass(frozen=True)
class Speed:
    """One model's figures at batch 1; the keys of ``generation`` in result.json."""

    prefill_tokens_per_s: float
    """Of the prompt, read at once."""
    decode_tokens_per_s: float
    """Of the tokens written one by one, each the likeliest."""
    prompt_tokens: int
    new_tokens: int
    engine: str
    """Eager PyTorch: the exported files hold no cache."""
    num_threads: int
    rounds: int


def speeds(models: Mapping[str, nn.Module], *, rounds: int = ROUNDS) -> dict[str, dict[str, Any]]:
    """The median of every model, measured in turn in one process on the same prompt; the first turn only warms up."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(rounds + 1):
        for name, model in models.items():
            times[name].append(_timed(model))
    return {name: asdict(_speed(found[1:])) for name, found in times.items()}


def _speed(times: list[tuple[float, float]]) -> Speed:
    prefill, decode = (statistics.median(seconds) for seconds in zip(*times, strict=True))
    return Speed(
        prefill_tokens_per_s=PROMPT_TOKENS / prefill,
        decode_tokens_per_s=NEW_TOKENS / decode,
        prompt_tokens=PROMPT_TOKENS,
        new_tokens=NEW_TOKENS,
        engine="eager",
        num_threads=torch.get_num_threads(),
        rounds=len(times),
    )


def _timed(model: nn.Module) -> tuple[float, float]:
    """Seconds for the prompt, and for all new tokens."""
    size = int(model.config.vocab_size)  # type: ignore[union-attr, arg-type]
    prompt = torch.arange(PROMPT_TOKENS)[None] * 7 % size
    start = time.perf_counter()
    found = step(model, prompt, None)
    between = time.perf_counter()
    for _ in range(NEW_TOKENS):
        found = step(model, *found)
    return between - start, time.perf_counter() - between


@torch.inference_mode()
def step(model: nn.Module, ids: Tensor, cache: Any) -> tuple[Tensor, Any]:
    """(the likeliest next token [1, 1], the cache with ``ids`` in it).

    Args:
        ids: [1, tokens], what comes after what the cache holds.
        cache: of keys and values; None at the beginning.
    """
    found = model(input_ids=ids, past_key_values=cache, use_cache=True)
    return found.logits[:, -1:].argmax(-1), found.past_key_values
