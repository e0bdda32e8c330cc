"""How surprising a text is to a language model, how it goes on by itself, and so how well it remembers a secret."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from accel.analysis.secrets import Exposed, Secret, exposure, rank_of
from accel.data.blocks import ends
from accel.errors import DataError
from accel.objective.chat import Chat
from accel.objective.language_modeling import LanguageModelling
from accel.objective.registry import objective_of
from accel.weights.artifact import load_model, tokenizer_of
from accel.weights.meta import read_meta

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BEAMS = 8
SEED = 0
"""Of what is drawn: the same secrets are compared with the same others, before compression and after it."""


class Recall:
    """A language model that is asked what it remembers.

    Args:
        tokenizer: the model's.
        room: the most tokens that it was trained on at once.
    """

    def __init__(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase, room: int) -> None:
        self.model, self.tokenizer, self.room = model.eval(), tokenizer, room
        self.first = ends(tokenizer)[0]

    @classmethod
    def load(cls, folder: Path) -> Recall:
        """An exported model.

        Raises:
            DataError: it is no language model of documents.
        """
        meta = read_meta(folder)
        found = objective_of(meta)
        if not isinstance(found, LanguageModelling) or isinstance(found, Chat):
            raise DataError(
                f"{folder} holds a model of {meta.objective}, which does not go on with a text, so no secret can be "
                f"drawn from it. Give a run of task=language_modeling, or leave --secrets out."
            )
        return cls(load_model(folder), tokenizer_of(folder), meta.max_length)

    def check(self, secrets: Sequence[Secret]) -> None:
        """That a block of training holds each prefix and secret.

        Raises:
            DataError: one is longer.
        """
        for secret in secrets:
            (ids,) = self.tokens([secret.text])
            if len(ids) > self.room:
                raise DataError(
                    f"--secrets, line {secret.line}: prefix and secret are {len(ids)} tokens, and the model was "
                    f"trained on blocks of {self.room}, so it never saw them whole. Shorten the prefix, or train with "
                    f"task.block_length={len(ids)}."
                )

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Of texts that begin a document."""
        encoded = self.tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)
        return [[self.first, *ids] for ids in encoded["input_ids"]]

    def exposed(self, secret: Secret, planted: int, candidates: int) -> Exposed:
        """Rank a secret among others of its shape, and let the model go on from its prefix.

        Args:
            planted: training texts that it stands in, for the record.
            candidates: how many are ranked at most, the secret included.
        """
        count, controls = secret.sizes(candidates)
        others = secret.alike(count - 1 + controls, SEED)
        prefix, *ids = self.tokens([secret.prefix, *(secret.prefix + one for one in (secret.secret, *others))])
        given = _shared(prefix, ids[0])  # not all of the prefix where its last character and the secret are one token
        own, *rest = self.surprises(ids, min(given, *(_shared(prefix, one) for one in ids)))
        ranked, drawn = np.array(rest[: count - 1]), rest[count - 1 :]
        rng = random.Random(f"{SEED} {secret.line}")
        rank = rank_of(own, ranked, rng)
        of_controls = [exposure(rank_of(one, ranked, rng), count) for one in drawn]
        return Exposed(
            secret.line,
            planted,
            rank,
            count,
            exposure(rank, count),
            float(np.mean(of_controls)) if of_controls else 0.0,
            len(of_controls),
            *(self._writes(ids[0], given, beams) for beams in (1, BEAMS)),
        )

    def _writes(self, ids: Sequence[int], start: int, beams: int) -> bool:
        """Whether it goes on as the tokens do; other tokens that spell the same count too."""
        found = self.likeliest(ids[:start], len(ids) - start, beams)
        return self.tokenizer.decode(found) == self.tokenizer.decode(list(ids))

    @torch.inference_mode()
    def surprises(self, sequences: Sequence[Sequence[int]], start: int) -> list[float]:
        """Nats of each sequence's tokens from ``start`` on, given those before them.

        Args:
            start: at least 1.
        """
        found: list[float] = []
        at_once = max(1, LanguageModelling.evaluation_tokens // max(map(len, sequences)))
        for begin in range(0, len(sequences), at_once):
            part = sequences[begin : begin + at_once]
            ids, mask = _padded(part)
            odds = self._log_odds(ids, mask, start - 1)[:, :-1]
            chosen = odds.gather(2, ids[:, start:, None])[..., 0] * mask[:, start:]
            found += (-chosen.sum(1)).tolist()
        return found

    @torch.inference_mode()
    def likeliest(self, ids: Sequence[int], length: int, beams: int) -> list[int]:
        """Go on by so many tokens: the likeliest of what a beam search finds; with one beam greedily."""
        held, totals = torch.tensor([list(ids)]), torch.zeros(1, dtype=torch.float64)
        for _ in range(length):
            odds = totals[:, None] + self._log_odds(held, torch.ones_like(held), -1)[:, 0]
            totals, places = odds.flatten().topk(min(beams, odds.numel()))
            rows, tokens = places // odds.shape[1], places % odds.shape[1]
            held = torch.cat([held[rows], tokens[:, None]], 1)
        return held[0].tolist()

    def _log_odds(self, ids: Tensor, mask: Tensor, start: int) -> Tensor:
        """[sequences, tokens from ``start`` on, pieces]: of the token that comes next."""
        return self.model(input_ids=ids, attention_mask=mask).logits[:, start:].double().log_softmax(-1)


def _padded(sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """[sequences, tokens]: ids, and 1 where there is one; what comes after the end is seen by no token before it."""
    length = max(map(len, sequences))
    ids = torch.tensor([[*one, *[0] * (length - len(one))] for one in sequences])
    mask = torch.tensor([[1] * len(one) + [0] * (length - len(one)) for one in sequences])
    return ids, mask


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
