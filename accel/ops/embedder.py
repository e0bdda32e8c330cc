"""A network that makes one vector of a text: the mean over its tokens, of length 1.

Pooling and normalisation are inside of the network, so that every export of it answers with the same vector.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class AutoEmbedder:
    """As transformers' ``AutoModel…`` classes: the network of any encoder's configuration."""

    @staticmethod
    def from_config(config: PretrainedConfig) -> nn.Module:
        """With random weights."""
        return _embedder(type(config))._from_config(config)

    @staticmethod
    def from_pretrained(folder: Any, *, config: PretrainedConfig, **options: Any) -> Any:
        """With a folder's weights; it has no weights of its own."""
        return _embedder(type(config)).from_pretrained(folder, config=config, **options)


@cache
def _embedder(kind: type[PretrainedConfig]) -> Any:
    """The class of one architecture; its body stands where those of the architecture's other heads have theirs."""
    from transformers import MODEL_MAPPING, PreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    bodies: Any = MODEL_MAPPING
    body: Any = bodies[kind]
    base = next(parent for parent in body.__mro__[1:] if issubclass(parent, PreTrainedModel))

    class Embedder(base):  # type: ignore[valid-type, misc] - known when the architecture is
        def __init__(self, config: PretrainedConfig) -> None:
            super().__init__(config)
            setattr(self, self.base_model_prefix, _without_pooler(body(config)))
            self.post_init()

        def forward(self, input_ids: Tensor, attention_mask: Tensor, **more: Any) -> SequenceClassifierOutput:
            found = getattr(self, self.base_model_prefix)(
                input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **more
            )
            return SequenceClassifierOutput(
                logits=mean_vector(found.last_hidden_state, attention_mask),
                hidden_states=found.hidden_states,
                attentions=found.attentions,
            )

    return Embedder


def _without_pooler(body: nn.Module) -> nn.Module:
    """A classifier's layer that nobody reads: its weights would be without gradients, and shipped."""
    if getattr(body, "pooler", None) is not None:
        setattr(body, "pooler", None)  # noqa: B010 - a module that is gone, which pyright does not know of
    return body


def mean_vector(hidden: Tensor, mask: Tensor) -> Tensor:
    """[batch, width] of length 1: the direction of the mean of hidden states [batch, tokens, width] over real tokens.

    Reimers & Gurevych 2019 (arXiv 1908.10084). The sum has the mean's direction.
    """
    total = (hidden * mask.unsqueeze(-1).to(hidden.dtype)).sum(1)
    return F.normalize(total, dim=-1)
