"""A text for a text, by an encoder that reads and a decoder that writes: its loss, its scores, its answers.

In training the decoder is given the true text up to each token and learns the next one. A split is scored that way too
(the loss), and by what the network writes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torchmetrics import SumMetric

from accel.behaviour.kept import Kept
from accel.behaviour.written import Written, number_of
from accel.core.family import family_of
from accel.core.metric import LOSS, OF_WRITING, Metric
from accel.core.objective import Answering
from accel.data import Split
from accel.data.collate import padded
from accel.data.evaluation_batches import evaluation_order
from accel.data.overlap import rouge_l, same
from accel.data.tokenized import Example, Tokenized, tokenize
from accel.data.tokens import IGNORED, Encoded, Ragged
from accel.errors import DataError
from accel.objective.scores import Report, Scores
from accel.ops.distill.losses import full, soft_cross_entropy
from accel.ops.inputs import DECODER, IDS, MASK
from accel.ops.quantize.sensitivity import kullback_leibler
from accel.ops.writing import write

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from accel.core.meta import Meta
    from accel.data import Dataset

WRITERS = "model=tiny_t5 to try it, or model=t5_small"


@dataclass(frozen=True)
class SequenceToSequence(Answering):
    """A text that is written for a text."""

    most: int = 64
    """Tokens of what is written."""
    beams: int = 1
    """Ways that are followed at once in writing."""
    tokenizer: PreTrainedTokenizerBase | None = field(default=None, compare=False, repr=False)
    """Unknown before there is a model."""
    label_names: Sequence[str] = ()

    name: ClassVar[str] = "sequence to sequence"
    metrics: ClassVar[tuple[Metric, ...]] = OF_WRITING
    keeps: ClassVar[type[Kept] | None] = Written
    unit: ClassVar[str] = "texts"
    evaluation_tokens: ClassVar[int] = 4096
    more_inputs: ClassVar[tuple[str, ...]] = (DECODER,)
    head_is_pretrained: ClassVar[bool] = True
    instead_of_explaining: ClassVar[str] = (
        "This model answers with a text that it writes token by token: no single number stands for it, so there is "
        "nothing to explain. accel predict shows what it writes."
    )

    @classmethod
    def for_labels(cls, label_names: Sequence[str]) -> SequenceToSequence:
        del label_names
        return cls()

    @classmethod
    def of(cls, meta: Meta) -> SequenceToSequence:
        return cls(int(meta.answering["most"]), int(meta.answering["beams"]))

    def answering(self) -> dict[str, Any]:
        return {"most": self.most, "beams": self.beams}

    def reading(self, tokenizer: PreTrainedTokenizerBase) -> Self:
        if tokenizer.eos_token_id is None:
            raise DataError(
                f"The model's tokenizer has no token that ends a text, so nothing it writes ends. {WRITERS}."
            )
        return replace(self, tokenizer=tokenizer)

    @property
    def _start(self) -> int:
        """What a decoder is given first: BART's its end; T5's, which has no token for a beginning, its padding."""
        tokenizer: Any = self.tokenizer
        return int(tokenizer.pad_token_id if tokenizer.bos_token_id is None else tokenizer.eos_token_id)

    def auto_class(self) -> Any:
        from transformers import AutoModelForSeq2SeqLM

        return AutoModelForSeq2SeqLM

    def configured(self, config: PretrainedConfig) -> PretrainedConfig:
        """Unchanged.

        Raises:
            DataError: the architecture does not write, or begins as neither T5 nor BART does.
        """
        if not (family_of(config.model_type).encoder_decoder or getattr(config, "is_encoder_decoder", False)):
            raise DataError(f"A {config.model_type} has no encoder and decoder. Choose {WRITERS}.")
        start = getattr(config, "decoder_start_token_id", None)
        if self.tokenizer is not None and start != self._start:
            raise DataError(
                f"The decoder of this {config.model_type} begins with token {start}, and those of T5 and BART with "
                f"their padding or their end, which is {self._start} here. Choose {WRITERS}, or facebook/bart-base."
            )
        return config

    def texts_together(self, num_columns: int) -> int:
        del num_columns
        return 1

    def encodes_by(self) -> Sequence[Any]:
        return (self.most,)

    def encode(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
        """Both texts one after the other; ``targets`` say which text a token is of."""
        sides = [Split([(texts[side],) for texts in split.texts], []) for side in (0, 1)]
        sources, answers = (
            tokenize(*given) for given in zip(sides, (tokenizer,) * 2, (max_length, self.most), strict=True)
        )
        ended = [_ended(ids, int(tokenizer.eos_token_id), self.most) for ids in answers.input_ids]  # type: ignore[arg-type]
        pairs = list(zip(sources.input_ids, ended, strict=True))
        return Encoded(
            Ragged.of([np.concatenate(pair) for pair in pairs]),
            None,
            sources.num_truncated + answers.num_truncated,
            Ragged.of([np.repeat([0, 1], [len(one), len(other)]) for one, other in pairs]),
        )

    def rows(self, examples: Sequence[Example]) -> Sequence[Example]:
        """What the encoder reads; ``targets`` are the tokens to write."""
        return [
            {**e, "input_ids": e["input_ids"][e["targets"] == 0], "targets": e["input_ids"][e["targets"] == 1]}
            for e in examples
        ]

    def targets(self, examples: Sequence[Example], input_ids: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens to write], ``IGNORED`` behind the end."""
        del input_ids, mask
        width = padded(max(len(e["targets"]) for e in examples))
        made = torch.full((len(examples), width), IGNORED)
        for row, example in zip(made, examples, strict=True):
            row[: len(example["targets"])] = torch.from_numpy(example["targets"].astype(np.int64))
        return made

    def more(self, labels: Tensor) -> dict[str, Tensor]:
        """What the decoder is given: each token one place later, behind the one it starts from."""
        pad = int(self.tokenizer.pad_token_id)  # type: ignore[union-attr, arg-type]
        shifted = torch.cat([labels.new_full((len(labels), 1), self._start), labels[:, :-1]], 1)
        return {DECODER: shifted.masked_fill(shifted == IGNORED, pad)}

    def counts(self, lengths: np.ndarray) -> np.ndarray:
        return np.ones(len(lengths))

    def predictions(self, logits: Tensor, mask: Tensor) -> Tensor:
        del mask
        return logits.flatten(0, 1)

    def loss(self, outputs: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean over each text's tokens, and over texts."""
        return {"loss": by_text(full(outputs.logits), batch["labels"]).mean()}

    def scores(self, split: Tokenized) -> Scores:
        return WritingScores(self, evaluation_order(split))

    def parts_of_quality(self, kept: Kept, split: Tokenized) -> np.ndarray | None:
        """Of the mean ROUGE-L."""
        del split
        assert isinstance(kept, Written)
        return np.stack([kept.overlaps, np.ones(len(kept.overlaps))], axis=1)

    def written(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
        """[texts, tokens]: what the network writes by itself."""
        return write(model, inputs[IDS], inputs[MASK], most=self.most, beams=self.beams)

    def said(self, ids: Tensor) -> str:
        """Tokens as a text."""
        return self.tokenizer.decode(ids[ids >= 0], skip_special_tokens=True)  # type: ignore[union-attr, return-value]

    def details(self, report: Report) -> dict[str, Any]:
        del report
        return {}

    def baselines(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The source itself."""
        pairs = dataset.test.texts
        found = {
            "rouge_l": float(np.mean([rouge_l(source, answer) for source, answer in pairs])),
            "exact_match": float(np.mean([same(source, answer) for source, answer in pairs])),
        }
        return [{"name": "copying the source", "metrics": found}]

    def outputs(self, model: nn.Module, inputs: Mapping[str, Tensor], temperature: float) -> Tensor:
        """The tokens that are written."""
        del temperature
        return self.written(model, inputs)

    def answer(self, logits: Tensor, mask: Tensor) -> dict[str, Any]:
        """The text that is written."""
        del mask
        return {"output": self.said(logits)}

    def explained(self, logits: Tensor, mask: Tensor) -> tuple[int, ...]:
        raise DataError(self.instead_of_explaining)

    def imitation(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        return soft_cross_entropy(student, teacher, temperature)

    def divergence(self, found: Tensor, expected: Tensor) -> Tensor:
        return kullback_leibler(found, expected)


def _ended(ids: np.ndarray, end: int, most: int) -> np.ndarray:
    """The tokens of what is to be written, the last of which ends it."""
    return ids if len(ids) and ids[-1] == end else np.append(ids[: most - 1], np.int32(end))


def by_text(logits: Tensor, labels: Tensor) -> Tensor:
    """[texts]: the mean cross-entropy of each text's own tokens."""
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return losses.view_as(labels).sum(1) / (labels != IGNORED).sum(1)


class WritingScores(Scores):
    """Of what a network writes by itself, and of the next token of the true text.

    Args:
        order: [examples], their numbers as they come: what one process wrote of all of them is kept.
    """

    keeps: ClassVar[bool] = True

    def __init__(self, objective: SequenceToSequence, order: np.ndarray) -> None:
        super().__init__()
        self.objective, self.order = objective, order
        self.rows: list[tuple[int, int, float, bool]] = []
        self.loss, self.texts, self.rouge, self.exact, self.seen = (
            SumMetric().set_dtype(torch.float64) for _ in range(5)
        )

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits [batch, tokens, pieces], labels [batch, tokens]."""
        self.loss.update(by_text(logits.float(), labels).double().sum())
        self.texts.update(len(labels))
        for found in (self.rouge, self.exact, self.seen):
            found.update(0)  # all processes add up all of them, whether or not a network is seen writing

    def observe(self, model: nn.Module, batch: Mapping[str, Tensor]) -> None:
        """Let the network write, and compare."""
        for ids, labels in zip(self.objective.written(model, batch), batch["labels"], strict=True):
            written, true = self.objective.said(ids), self.objective.said(labels)
            overlap, hit = rouge_l(written, true), same(written, true)
            self.rouge.update(overlap)
            self.exact.update(float(hit))
            self.seen.update(1)
            self.rows.append((number_of(true), number_of(written), overlap, hit))

    def reset(self) -> None:
        super().reset()
        self.rows = []

    def compute(self) -> Report:
        """ROUGE-L and the share of exact texts, where a network was seen writing; the loss in nats per token."""
        seen, texts = float(self.seen.compute()), max(1.0, float(self.texts.compute()))
        shares = [float(found.compute()) / seen if seen else 0.0 for found in (self.rouge, self.exact)]
        keys = [metric.key for metric in OF_WRITING if metric is not LOSS]
        metrics = {**dict(zip(keys, shares, strict=True)), LOSS.key: float(self.loss.compute()) / texts}
        return Report(metrics, kept=self._kept())

    def _kept(self) -> Written | None:
        """None where this process has seen a part of the split, or no network."""
        if len(self.rows) != len(self.order):
            return None
        truths, texts, overlaps, hits = map(np.array, zip(*self.rows, strict=True))
        return Written.together([Written(self.order, truths, texts, overlaps, hits)])
