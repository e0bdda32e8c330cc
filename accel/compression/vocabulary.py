"""Keeps the tokens that the task needs: in small and in multilingual encoders most bytes are tokens that no text has.

What it does: finds which tokens the training examples (and a public text) consist of; after training, cuts the other
    rows out of the embedding and rewrites the tokenizer. Special tokens, single characters and bytes always stay, so
    an unseen word is split into shorter tokens instead of being lost.
Use it when: size matters. Half of a small encoder's bytes are its embedding, four fifths of a multilingual one's.
What it costs: no time, and nothing on texts whose tokens are all kept: these get the same output bit by bit. Other
    texts become longer sequences of shorter tokens, seldom trained; the scores after are taken with the new tokenizer.
Composes with: every other compression, tuning and strategy; with privacy when it looks at a public text alone.
Off switch: ``compression.vocabulary.min_count=0``.
Reference: Abdaoui et al. 2020, Load What You Need (arXiv 2010.05609); Yang et al. 2022, TextPruner (arXiv 2203.15996).

    accel compression=[prune,qat,vocabulary] compression.vocabulary.public_text=corpus.txt
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.compression import Compression
from accel.core.facts import Evidence, Facts, History
from accel.core.option import Objection
from accel.core.technique import Stage

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from accel.core.plan import Plan


@dataclass(kw_only=True)
class Vocabulary(Compression):
    """Removal of the tokens that neither the task nor a public text uses."""

    stage: ClassVar[Stage] = Stage.REMOVE

    min_count: int = 1
    """How often a token must occur to stay; 0 keeps all. More than 1 drops rare tokens, so that even some training
    texts are cut differently afterwards."""
    from_task: bool = True
    """Whether the training examples count."""
    public_text: str | None = None
    """Texts that count too: a file with one text per line, or the name of a task with public data."""

    @property
    def sees_no_private_example(self) -> bool:
        """Whether what is kept depends on public text alone."""
        return not self.from_task

    def public_texts(self) -> list[tuple[str, str]]:
        return [] if self.public_text is None else [(f"{self.key}.public_text", self.public_text)]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        del plan
        if self.min_count < 0:
            yield self.out_of_range("min_count", "at least 0: it is how often a token must occur to stay", "1")
        if not self.from_task and self.public_text is None:
            yield Objection(
                f"{self.key}.from_task=false  with  {self.key}.public_text=null",
                "there is no text left to choose the tokens by",
                f"{self.key}.public_text=FILE, a text per line, or the name of a task",
            )

    def kept_tokens(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[np.ndarray]) -> list[int] | None:
        from accel.data.public_text import public_texts
        from accel.data.vocabulary import count_tokens

        if self.min_count == 0:
            return None
        counts = count_tokens(examples if self.from_task else [], len(tokenizer))
        if self.public_text is not None:
            texts = public_texts(self.public_text, f"{self.key}.public_text", limit=None)
            counts += count_tokens(tokenizer(texts, return_attention_mask=False)["input_ids"], len(tokenizer))
        return [int(n) for n in (counts >= self.min_count).nonzero()[0]]

    def adapt_model(self, model: nn.Module, facts: Facts) -> nn.Module:
        from accel.ops.vocabulary import mark

        if facts.kept_tokens is not None:
            mark(model, facts.kept_tokens)
        return model

    def export(self, model: nn.Module) -> nn.Module:
        from accel.ops.vocabulary import keep_marked

        return keep_marked(model)

    def evidence(self, model: nn.Module, history: History) -> Evidence:
        from accel.ops.vocabulary import figures

        del history
        found = figures(model)
        return Evidence(
            acted=self.min_count == 0 or found["removed_pieces"] > 0,
            figures=found,
            expected="at least one token of the vocabulary removed",
        )
