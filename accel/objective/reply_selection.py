"""Which of ten replies is the true one: a language model that talks, judged as retrieval is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from accel.core.metric import OF_REPLY_SELECTION, Metric
from accel.data.conversations import turns_of
from accel.data.evaluation_batches import evaluation_order, in_order
from accel.data.tokenized import Collate, Tokenized
from accel.data.tokens import IGNORED, Ragged
from accel.errors import DataError
from accel.objective.chat import Chat
from accel.objective.scores import Report

if TYPE_CHECKING:
    from accel.data import Dataset, Split

CHOICES = 10
RECALL = OF_REPLY_SELECTION[-1].key
EQUAL = 1e-5
"""Nats per token: what differs by less is equally likely, as the same reply padded otherwise is."""


@dataclass(frozen=True)
class ReplySelection(Chat):
    """A chat that is scored by one thing more: how often the true reply is the likeliest of ten.

    The nine others are the last replies of other conversations of the split, drawn once, the same ones for every model
    and seed. A reply's likelihood is the mean log-probability of its tokens: by their sum the shortest one would nearly
    always win. Replies that are equally likely share the hit.

    Reference: R@1 of 10 of Lowe et al. 2015 (arXiv 1506.08909).
    """

    selections: int = 200
    """Conversations of a split that are asked, or all where there are fewer."""

    metrics: ClassVar[tuple[Metric, ...]] = OF_REPLY_SELECTION

    def settings(self) -> dict[str, Any]:
        return {"selections": self.selections}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        del dataset
        return [{"name": "random choice", "metrics": {RECALL: 1 / CHOICES}}]

    def examined(self, report: Report, model: nn.Module, split: Tokenized, collator: Collate) -> Report:
        """With the share of true replies chosen; without it where ``max_length`` leaves fewer than ten replies."""
        rows = contests(split, self.selections)
        if not len(rows):
            return report
        likelihoods = np.empty(len(rows))
        found = [_likelihoods(model, batch) for batch in in_order(rows, self.evaluation_tokens, collator)]
        likelihoods[evaluation_order(rows)] = torch.cat(found).cpu().numpy()
        return replace(report, metrics={**report.metrics, RECALL: share_of_first(likelihoods.reshape(-1, CHOICES))})


def check_replies(splits: Mapping[str, Split], selections: int) -> None:
    """That each split has as many different last replies as a selection takes.

    Raises:
        DataError: one has not.
    """
    for name, split in splits.items():
        found = len({turns_of(text)[-1]["content"] for (text,) in split.texts})
        if found < CHOICES:
            raise DataError(
                f"task.selections={selections}: the {name} split has {found} different last replies, and a selection "
                f"is between {CHOICES}. Add conversations, raise task.{name}_fraction, or give task.selections=0."
            )


def contests(split: Tokenized, selections: int) -> Tokenized:
    """Ten rows for each selection, the true one first: the same conversation with one reply each; none where there are
    fewer different replies than ten.

    ``targets`` are the tokens of the reply. A row that is longer than the longest of the split loses its beginning, the
    other nine with it.
    """
    spans = [_last_reply(row) for row in split.targets or ()]
    replies = [split.input_ids[n][begin:end] for n, (begin, end) in enumerate(spans)]
    number: dict[bytes, int] = {}
    for reply in replies:
        number.setdefault(reply.tobytes(), len(number))
    different = [np.frombuffer(key, np.int32) for key in number]
    ids, targets = [], []
    draw = np.random.default_rng(0)
    for n in draw.permutation(len(split))[: selections if len(different) >= CHOICES else 0].tolist():
        own = number[replies[n].tobytes()]
        others = [k for k in draw.choice(len(different), CHOICES, replace=False).tolist() if k != own][: CHOICES - 1]
        for row, begin in _filled_in(split.input_ids[n][: spans[n][0]], [different[k] for k in (own, *others)], split):
            ids.append(row)
            targets.append(np.where(np.arange(len(row)) < begin, IGNORED, row))
    return Tokenized(Ragged.of(ids), [], targets=Ragged.of(targets))


def _last_reply(targets: np.ndarray) -> tuple[int, int]:
    """Where the last run of tokens of a reply begins and ends."""
    marked = targets != IGNORED
    end = int(marked.nonzero()[0][-1]) + 1
    before = (~marked[:end]).nonzero()[0]
    return (int(before[-1]) + 1 if len(before) else 0), end


def _filled_in(context: np.ndarray, replies: list[np.ndarray], split: Tokenized) -> Iterator[tuple[np.ndarray, int]]:
    """(tokens, where the reply begins) with each of the replies."""
    room = int(split.lengths.max())
    kept = max(1, room - max(map(len, replies)))
    context = context[-kept:]
    for reply in replies:
        yield np.concatenate([context, reply])[:room], len(context)


@torch.inference_mode()
def _likelihoods(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """[rows]: the mean log-probability of the tokens that are targets, float64."""
    logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
    found = [
        -F.cross_entropy(row[:-1].float(), true[1:], ignore_index=IGNORED).double()
        for row, true in zip(logits, batch["labels"], strict=True)  # one by one: the logits are large
    ]
    return torch.stack(found)


def share_of_first(likelihoods: np.ndarray) -> float:
    """Of rows [selections, choices], those whose first value is the highest; of k equal ones it counts 1/k."""
    best = likelihoods >= likelihoods.max(1, keepdims=True) - EQUAL
    return float((best[:, 0] / best.sum(1)).mean())
