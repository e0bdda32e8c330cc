"""Prompts: trained vectors that a frozen model reads beside the text.

They are rows behind the last one of the token embedding: their ids are put into each text, after the token that an
encoder is pooled at or else before the first one, so that positions, masks and pooling see ordinary tokens and padding
changes nothing. The vectors stay in the exported model as a constant.
Lester et al. 2021 (arXiv 2104.08691); Liu et al. 2021, P-tuning (arXiv 2103.10385).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.core.edits import Edit
from accel.core.family import family_of
from accel.ops.body import body_of
from accel.ops.inputs import IDS, MASK, TYPES


class Reparametrized(nn.Module):
    """Prompt vectors as a network makes them while they are trained: [length, width]."""

    def __init__(self, length: int, width: int, hidden: int, like: Tensor) -> None:
        super().__init__()
        self.seed = nn.Embedding(length, width, device=like.device, dtype=like.dtype)
        made = {"device": like.device, "dtype": like.dtype}
        self.network = nn.Sequential(nn.Linear(width, hidden, **made), nn.Tanh(), nn.Linear(hidden, width, **made))
        with torch.no_grad():
            self.seed.weight.mul_(like.std())

    @property
    def weight(self) -> Tensor:
        seed = self.seed(torch.arange(self.seed.num_embeddings, device=self.seed.weight.device))
        return seed + self.network(seed)

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


class PromptedEmbedding(nn.Module):
    """A token embedding with the prompt's vectors behind its last row."""

    def __init__(self, base: nn.Embedding, prompt: nn.Module, length: int) -> None:
        super().__init__()
        self.base = base
        self.prompt = prompt
        self.length = length
        self.beginning: Tensor | None = None
        """The prompt before it learned; none in a finished model."""
        self.was_read = False
        """Whether training put it into a text: weight decay alone would move it too."""

    @property
    def weight(self) -> Tensor:
        """The table of tokens; a head may share it."""
        return self.base.weight

    @property
    def num_embeddings(self) -> int:
        return len(self.base.weight) if self.base.weight is not None else len(self.base.steps)  # type: ignore[arg-type]

    def forward(self, ids: Tensor) -> Tensor:
        behind = ids - self.num_embeddings
        tokens = self.base(ids.clamp(max=self.num_embeddings - 1))
        return torch.where((behind >= 0).unsqueeze(-1), self.prompt(behind.clamp(min=0)), tokens)


@dataclass(frozen=True, kw_only=True)
class Prompting(Edit):
    """A prompt in every text."""

    name: ClassVar[str] = "prompt"
    length: int

    def change(self, model: nn.Module) -> None:
        table = model.get_input_embeddings()  # type: ignore[operator]
        like = table.weight
        prompt = nn.Embedding(self.length, like.shape[1], device=like.device, dtype=like.dtype)
        model.set_input_embeddings(PromptedEmbedding(table, prompt, self.length))  # type: ignore[operator]
        for shared in [m for m in model.modules() if not isinstance(m, PromptedEmbedding)]:
            for name, child in list(shared.named_children()):
                if child is table:
                    setattr(shared, name, model.get_input_embeddings())  # type: ignore[operator]
        model.register_forward_pre_hook(_read_prompt, with_kwargs=True)


def add_prompt(model: nn.Module, length: int, *, hidden: int = 0) -> nn.Module:
    """Freeze the body and let it read a prompt that learns, in place. Idempotent.

    Args:
        hidden: width of the network that makes the prompt while it is trained; 0 for a prompt that learns directly.
    """
    Prompting(length=length).apply(model)
    embedding = prompted(model)
    body = body_of(model)
    body.requires_grad_(False)
    if hidden and not isinstance(embedding.prompt, Reparametrized):
        embedding.prompt = Reparametrized(length, embedding.weight.shape[1], hidden, embedding.weight.detach())
    elif not hidden:
        _begin_as_tokens(embedding)
    embedding.prompt.requires_grad_(True)
    embedding.beginning = _table(embedding).detach().clone()
    return model


def _begin_as_tokens(embedding: PromptedEmbedding) -> None:
    """With the vectors of pieces drawn at random: far better than noise (Lester et al. 2021, figure 3b)."""
    prompt = _table(embedding)
    chosen = torch.randint(embedding.num_embeddings, (len(prompt),))
    with torch.no_grad():
        prompt.copy_(embedding.weight[chosen.to(prompt.device)])


def _table(embedding: PromptedEmbedding) -> Tensor:
    """[length, width]: the prompt itself, or what the network makes of it."""
    return embedding.prompt.weight  # type: ignore[return-value]


def moved(model: nn.Module) -> float:
    """How far the prompt has moved from its beginning, at most; 0 where no text had it."""
    embedding = prompted(model)
    beginning = embedding.beginning if embedding.was_read else None
    return 0.0 if beginning is None else float((_table(embedding).detach() - beginning).abs().max())


def prompted(model: nn.Module) -> PromptedEmbedding:
    """The embedding with the prompt."""
    found = model.get_input_embeddings()  # type: ignore[operator]
    assert isinstance(found, PromptedEmbedding)
    return found


def fold(model: nn.Module) -> nn.Module:
    """Keep what the network makes of the prompt instead of the network, in place."""
    embedding = prompted(model)
    if isinstance(embedding.prompt, Reparametrized):
        table = _table(embedding).detach()
        embedding.prompt = nn.Embedding(len(table), table.shape[1], _weight=table.clone())
    return model


def start_of(model: nn.Module) -> int:
    """How many tokens stand before the prompt."""
    return int(family_of(model.config.model_type).pooled_at_first)  # type: ignore[union-attr, arg-type]


def _read_prompt(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    embedding = prompted(model)
    ids, start = kwargs.get(IDS), start_of(model)
    if ids is None:
        return args, kwargs
    if model.training:
        embedding.was_read = True
    length = embedding.length
    own = torch.arange(length, device=ids.device).add(embedding.num_embeddings).expand(len(ids), length)
    mask = kwargs.get(MASK)
    more = {IDS: _put(ids, own, start), MASK: _put(torch.ones_like(ids) if mask is None else mask, 1, start, length)}
    if kwargs.get(TYPES) is not None:
        more[TYPES] = _put(kwargs[TYPES], 0, start, length)
    return args, {**kwargs, **more}


def _put(values: Tensor, inside: Tensor | int, start: int, length: int = 0) -> Tensor:
    """[batch, tokens] with columns put in after the first ``start``."""
    new = inside if isinstance(inside, Tensor) else values.new_full((len(values), length), inside)
    return torch.cat([values[:, :start], new.to(values.dtype), values[:, start:]], 1)
