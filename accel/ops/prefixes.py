"""Prefixes: trained keys and values that every attention of a frozen model reads before those of the text.

They hang on the attention as rows of an embedding and are handed to it as a past that it has already read, whatever
computes the attention. Positions, pooling and the number of tokens stay those of the text, so padding changes nothing.
Li & Liang 2021 (arXiv 2101.00190).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from accel.core.edits import Edit
from accel.core.family import HEADS
from accel.errors import NoEffectError
from accel.ops.body import body_of
from accel.ops.inputs import IDS, MASK
from accel.ops.structured.structure import PREFIX, Block, find_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAST = "past_key_values"
MASKS = ("attention_mask", "mask")
"""How architectures call an attention's mask."""
_BEGINNING = "accel_beginning"


class Prefix(nn.Embedding):
    """Keys and values of one attention: [length, 2 x heads x head_dim], keys in the first half of a row."""

    def __init__(self, length: int, heads: int, head_dim: int, like: Tensor) -> None:
        super().__init__(length, 2 * heads * head_dim, device=like.device, dtype=like.dtype)
        self.head_dim = head_dim

    def keys_and_values(self, batch: int) -> tuple[Tensor, Tensor]:
        """[batch, heads, length, head_dim] each; looked up for every text, so that each has a gradient of its own."""
        numbers = torch.arange(self.num_embeddings, device=self.weight.device).expand(batch, -1)
        rows = self(numbers).unflatten(-1, (2, -1, self.head_dim))
        keys, values = rows.permute(2, 0, 3, 1, 4).unbind(0)
        return keys, values


class PrefixedPast:
    """What an attention takes for its cache: it answers with the prefix before what the cache has.

    Args:
        cache: of this attention alone; None where nothing is kept.
    """

    def __init__(self, prefix: Prefix, cache: Any) -> None:
        self.prefix = prefix
        self.cache = cache

    def update(self, keys: Tensor, values: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Keys and values [batch, heads, tokens, head_dim] with all that is read before them."""
        own = self.prefix.keys_and_values(len(keys))
        if self.cache is not None:
            keys, values = self.cache.update(keys, values, *args, **kwargs)
        first_keys, first_values = (part.to(keys.dtype) for part in own)
        return torch.cat([first_keys, keys], 2), torch.cat([first_values, values], 2)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many keys stand before those of the next token: by that T5 counts distances."""
        return self.prefix.num_embeddings + self.cached(layer_idx)

    def cached(self, layer_idx: int = 0) -> int:
        """The same without the prefix."""
        return 0 if self.cache is None else self.cache.get_seq_length(layer_idx)


@dataclass(frozen=True, kw_only=True)
class Prefixing(Edit):
    """A prefix for every attention."""

    name: ClassVar[str] = "prefix"
    length: int

    def change(self, model: nn.Module) -> None:
        for block in _attentions(model):
            owner = model.get_submodule(block.owner)
            like = next(model.get_submodule(block.output).parameters())
            head_dim = int(getattr(owner, block.layout.head_dim))
            owner.add_module(PREFIX, Prefix(self.length, block.num_units, head_dim, like))
            owner.register_forward_pre_hook(_read_prefix, with_kwargs=True)


def add_prefix(model: nn.Module, length: int) -> nn.Module:
    """Freeze the body and give every attention a prefix that learns, in place. Idempotent.

    A prefix begins with the keys and values of pieces drawn at random (Li & Liang 2021, section 7.4).

    Raises:
        NoEffectError: the model has no attention that accel knows.
    """
    edit = Prefixing(length=length)
    if prefixes(model):
        return model
    beginnings = _of_random_pieces(model, length)
    edit.apply(model)
    body = body_of(model)
    body.requires_grad_(False)
    for name, prefix in prefixes(model).items():
        with torch.no_grad():
            prefix.weight.copy_(beginnings[name])
        prefix.requires_grad_(True)
        setattr(prefix, _BEGINNING, prefix.weight.detach().clone())
    return model


def prefixes(model: nn.Module) -> dict[str, Prefix]:
    """Every attention's prefix, by the attention's name."""
    return {
        name.removesuffix(f".{PREFIX}"): module for name, module in model.named_modules() if isinstance(module, Prefix)
    }


def furthest_moves(model: nn.Module) -> dict[str, float]:
    """How far each prefix has moved from its beginning, at most."""
    return {
        name: float((prefix.weight.detach() - getattr(prefix, _BEGINNING).to(prefix.weight)).abs().max())
        for name, prefix in prefixes(model).items()
    }


def _attentions(model: nn.Module) -> list[Block]:
    found = [block for block in find_blocks(model) if block.kind == HEADS]
    if not found:
        raise NoEffectError("tuning=prefix found no attention in this model: use tuning=lora.")
    return found


@torch.no_grad()
def _of_random_pieces(model: nn.Module, length: int) -> Mapping[str, Tensor]:
    """By attention, keys and values [length, width] that it computes of pieces drawn at random."""
    body = body_of(model)
    table = model.get_input_embeddings().weight  # type: ignore[operator]
    ids = torch.randint(len(table), (1, length)).to(table.device)
    inputs = {IDS: ids, MASK: torch.ones_like(ids)}
    if model.config.is_encoder_decoder:  # type: ignore[union-attr]
        inputs["decoder_input_ids"] = ids
    blocks = _attentions(model)
    with _heard(model, {path for block in blocks for path in block.inputs}) as outputs:
        training = model.training
        model.eval()
        body(**inputs)
        model.train(training)
    return {block.owner: torch.cat(_projections(block, outputs)[1:], -1) for block in blocks}


@contextmanager
def _heard(model: nn.Module, paths: set[str]) -> Iterator[dict[str, Tensor]]:
    """What the named layers give, of one text: [tokens, width]."""
    outputs: dict[str, Tensor] = {}

    def hear(path: str) -> Any:
        return lambda module, args, output: outputs.__setitem__(path, output[0])

    handles = [model.get_submodule(path).register_forward_hook(hear(path)) for path in sorted(paths)]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _projections(block: Block, outputs: Mapping[str, Tensor]) -> list[Tensor]:
    """Queries, keys and values of the block's input layers, fused or not."""
    return [part for path in block.inputs for part in outputs[path].chunk(block.fused, dim=-1)]


def _read_prefix(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    prefix = module.get_submodule(PREFIX)
    assert isinstance(prefix, Prefix)
    past = PrefixedPast(prefix, _own_cache(kwargs.get(PAST), crosses=kwargs.get("key_value_states") is not None))
    name = next(name for name in MASKS if name in kwargs)
    states: Tensor = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    before = past.cached(getattr(module, "layer_idx", None) or 0)
    mask = _widened(kwargs[name], states, prefix.num_embeddings, before, causal=bool(module.is_causal))
    return args, {**kwargs, PAST: past, name: mask}


def _own_cache(cache: Any, *, crosses: bool) -> Any:
    """Of the attention alone. What it reads of an encoder is computed anew for each token: there is no place for it."""
    return None if crosses else getattr(cache, "self_attention_cache", cache)


def _widened(mask: Tensor | None, states: Tensor, length: int, before: int, *, causal: bool) -> Tensor | None:
    """The mask [batch or 1, heads or 1, queries, keys] with columns for the prefix, which every token sees."""
    if mask is not None:
        seen = (mask.new_ones if mask.dtype == torch.bool else mask.new_zeros)((*mask.shape[:-1], length))
        return torch.cat([seen, mask], -1)
    if not causal or states.shape[1] == 1:
        return None  # every key is seen
    seen = torch.ones(states.shape[1], length + before + states.shape[1], dtype=torch.bool, device=states.device)
    return seen.tril(length + before)[None, None]
