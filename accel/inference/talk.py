"""A conversation with a finished model: its replies word by word, from a cache of keys and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from accel.data.conversations import ASSISTANT, SYSTEM, USER, Turn
from accel.data.replies import Writer, with_template
from accel.errors import DataError
from accel.objective.language_modeling import LanguageModelling
from accel.objective.registry import objective_of
from accel.weights.artifact import load_model, tokenizer_of
from accel.weights.meta import read_meta

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ENDED, CUT, FULL = "end", "max_tokens", "room"
"""Why a reply is over: the model ended it, it may be no longer, the model has no room for more."""
UNFINISHED = re.compile(r"[\w-]*\Z|\ufffd+\Z", re.ASCII)
"""The end of a text that goes on: a word of which not all may be there, bytes of a character."""


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn."""

    temperature: float = 0.7
    """0 takes the likeliest token each time."""
    top_p: float = 0.95
    """Of the likeliest tokens that together are so probable."""
    max_tokens: int = 256
    seed: int = 0

    def choose(self, logits: Tensor, random: torch.Generator) -> int:
        """The number of a token; ``logits`` are [pieces]."""
        if self.temperature == 0:
            return int(logits.argmax())
        odds, order = (logits.double() / self.temperature).softmax(-1).sort(descending=True)
        kept = odds * (odds.cumsum(-1) - odds < self.top_p)
        return int(order[int(torch.multinomial(kept, 1, generator=random))])


class Talk:
    """What was said so far, and the model that replies.

    Args:
        model: predicts the next token.
        tokenizer: with a chat template.
        sampling: how it replies.
        system: the turn before the first one; none where it is empty.

    Raises:
        DataError: the template has no replies that end, or no place for a system turn.
    """

    def __init__(
        self, model: nn.Module, tokenizer: PreTrainedTokenizerBase, sampling: Sampling, system: str = ""
    ) -> None:
        self.model, self.tokenizer, self.sampling = model.eval(), tokenizer, sampling
        self.writer = Writer(with_template(tokenizer, None))
        self.ends = self.writer.end_tokens()
        self.room = _positions(model)
        self.system: list[Turn] = [{"role": SYSTEM, "content": system.strip()}] if system.strip() else []
        self.reset()
        self._written([{"role": USER, "content": "Hello."}])  # what is wrong with a system turn is told at once

    @classmethod
    def load(cls, folder: Path, sampling: Sampling, system: str = "") -> Talk:
        """With an exported model.

        Raises:
            DataError: it does not talk, or the folder holds none.
        """
        meta = read_meta(folder)
        if not isinstance(objective_of(meta), LanguageModelling):
            raise DataError(
                f"{folder} holds a model of {meta.objective}, which writes no replies: accel predict answers with it. "
                f"Give the folder of a run of task=chat."
            )
        tokenizer = tokenizer_of(folder)
        if not tokenizer.chat_template:
            raise DataError(
                f"{folder} holds a model of {meta.objective} whose tokenizer has no chat template: it goes on with "
                f"texts, and knows nothing of turns. Give the folder of a run of task=chat."
            )
        return cls(load_model(folder), tokenizer, sampling, system)

    def reset(self) -> None:
        """Forget what was said."""
        self.turns: list[Turn] = []
        self.num_forgotten = 0
        """Turns that the model has no room for any more."""
        self.ended = ENDED
        self.num_tokens = 0
        """Of the last reply."""
        self.random = torch.Generator().manual_seed(self.sampling.seed)
        self._forget_cache()

    def reply(self, words: str) -> Iterator[str]:
        """What the model replies to a turn, in parts as they are known; both are remembered, however far it came.

        Raises:
            DataError: the turn is empty, spells a special token, or is too long for the model.
        """
        if not words.strip():
            raise DataError("There is nothing to reply to: the turn is empty.")
        self.writer.check_words(words)
        asked: Turn = {"role": USER, "content": words.strip()}
        ids = self._asked(asked)
        text, shown, whole = "", 0, False
        said: list[int] = []
        try:
            for token in self._tokens(ids):
                said.append(token)
                text = str(self.tokenizer.decode(said, skip_special_tokens=True)).lstrip()
                known = UNFINISHED.search(text).start()  # type: ignore[union-attr] - it matches an empty end
                if known > shown:
                    yield text[shown:known]
                    shown = known
            whole = True
            if text[shown:]:
                yield text[shown:]
        finally:
            self.num_tokens = len(said)
            if not whole:  # it was stopped, maybe between two layers
                self._forget_cache()
            if whole or text.strip():
                self.turns += [asked, {"role": ASSISTANT, "content": text.strip()}]

    def _asked(self, asked: Turn) -> list[int]:
        """The tokens of everything that the model is told; the first turns are forgotten where there is no room."""
        while True:
            ids = self._written([*self.turns, asked])
            if len(ids) < self.room:
                return ids
            if not self.turns:
                raise DataError(
                    f"The turn has {len(ids)} tokens with what stands around it, and the model reads at "
                    f"most {self.room - 1} before a reply. Say it in fewer words."
                )
            self.turns, self.num_forgotten = self.turns[2:], self.num_forgotten + 2

    def _written(self, turns: Sequence[Turn]) -> list[int]:
        return self.writer.tokens(self.writer.render([*self.system, *turns], ask=True))

    @torch.inference_mode()
    def _tokens(self, ids: list[int]) -> Iterator[int]:
        """The tokens of a reply, one by one, without the one that ends it."""
        most = min(self.sampling.max_tokens, self.room - len(ids))
        self.ended = CUT if most == self.sampling.max_tokens else FULL
        logits = self._logits_after(ids)
        for number in range(most):
            token = self.sampling.choose(logits, self.random)
            if token in self.ends:
                self.ended = ENDED
                return
            yield token
            if number + 1 < most:
                logits = self._logits_after([*self.held, token])

    def _logits_after(self, ids: list[int]) -> Tensor:
        """[pieces]: of the token after ``ids``; what the cache holds of them is not computed again.

        Tokens that the model drew need not be those of the same text, so that the cache may hold others than a later
        turn's: then it begins anew, as in training.
        """
        if self.held != ids[: len(self.held)] or len(self.held) >= len(ids):
            self._forget_cache()
        new = torch.tensor([ids[len(self.held) :]])
        found = self.model(input_ids=new, past_key_values=self.cache, use_cache=True)
        self.cache, self.held = found.past_key_values, list(ids)
        return found.logits[0, -1].float()

    def _forget_cache(self) -> None:
        self.cache: Any = None
        self.held: list[int] = []
        """The tokens whose keys and values the cache has."""


def _positions(model: nn.Module) -> int:
    config: Any = model.config
    return int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 1 << 20)
