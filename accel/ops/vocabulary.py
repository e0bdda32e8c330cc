"""Fewer pieces in a model: the rows of its token embedding, and the ids in its configuration."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

KEPT = "accel_kept_tokens"
"""Attribute of a model: the ids that will be left, in the order of the new ones."""


def mark(model: nn.Module, kept: Sequence[int]) -> None:
    """Note what ``keep_marked`` shall leave; training goes on with all rows."""
    setattr(model, KEPT, list(kept))


def keep_marked(model: nn.Module) -> nn.Module:
    """Cut, in place, the rows of every table of tokens, and renumber the configuration; nothing if nothing is marked.

    Kept pieces mean what they meant: the new id's row is the old id's, bit by bit.
    """
    kept: list[int] | None = getattr(model, KEPT, None)
    if kept is None:
        return model
    tables = _tables(model)
    whole = tables[0].weight
    weight = nn.Parameter(whole.detach()[torch.tensor(kept, device=whole.device)], whole.requires_grad)
    for table in tables:
        table.weight = weight
        table.num_embeddings = len(kept)
        if table.padding_idx is not None:
            table.padding_idx = kept.index(table.padding_idx)
    _renumber(model.config, kept)  # type: ignore[arg-type]
    delattr(model, KEPT)
    return model


def figures(model: nn.Module) -> dict[str, int]:
    """How many pieces are kept and removed."""
    (table, *_) = _tables(model)
    kept = getattr(model, KEPT, range(table.num_embeddings))
    return {"kept_pieces": len(kept), "removed_pieces": table.num_embeddings - len(kept)}


def _tables(model: nn.Module) -> list[nn.Embedding]:
    """The token embedding, and any other module that shares its weight."""
    first = model.get_input_embeddings()  # type: ignore[operator]
    return [m for m in model.modules() if isinstance(m, nn.Embedding) and (m is first or m.weight is first.weight)]


def _renumber(config: object, kept: Sequence[int]) -> None:
    new_id = {old: new for new, old in enumerate(kept)}
    for name, value in vars(config).items():
        if name == "vocab_size":
            config.vocab_size = len(kept)  # type: ignore[attr-defined]
        elif name.endswith("_token_id") and isinstance(value, int):
            setattr(config, name, new_id.get(value))
