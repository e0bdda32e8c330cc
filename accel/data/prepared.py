"""A data set made ready for one model: tokenized, batched, and shared out over processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from torch import Tensor
from torch.utils.data import DataLoader

from accel.core.facts import SEQUENCE_LENGTH, Facts
from accel.core.plan import Plan, digest
from accel.core.seen import Seen
from accel.data import Dataset
from accel.data.collate import Collator
from accel.data.evaluation_batches import in_order
from accel.data.loader import ResumableLoader
from accel.data.room import check_room
from accel.data.sampler import TokenBudgetSampler
from accel.data.tokenized import Tokenized
from accel.data.tokens import Encoded, once
from accel.data.vocabulary import Trimmed, trim
from accel.errors import NoEffectError
from accel.ops.inputs import PLAIN, TYPES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from accel.core.objective import Objective

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Prepared:
    """Tokenized splits and how to batch them."""

    train: Tokenized
    validation: Tokenized
    test: Tokenized
    objective: Objective
    fingerprint: str
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    num_text_columns: int
    seen: tuple[Seen, ...] = ()
    """What a model will have seen once it is trained, see ``accel/weights/provenance.py``; the run notes it."""
    private: bool = False
    """Whether a model was trained on them with differential privacy."""
    reused: bool = False
    """Whether an earlier run made the tokens."""
    unlabelled: Tokenized | None = None
    """Texts without labels, for techniques that learn from texts alone."""
    trimmed: Trimmed | None = None
    """The tokenizer of the finished model, where a technique keeps only some pieces."""

    @property
    def num_train(self) -> int:
        return len(self.train)

    def num_examples(self, plan: Plan) -> int:
        """What the steps of training draw from: rows, or under privacy the records that are protected."""
        return len(self.learned(plan)) if plan.privacy is None else self.train.num_records

    def num_unlabelled(self, plan: Plan) -> int:
        """Of these, the texts without labels."""
        return len(self.learned(plan)) - self.num_train

    def learned(self, plan: Plan) -> Tokenized:
        """What training draws from: the training split, and texts without labels where a technique learns from them."""
        if self.unlabelled is None or not plan.learns_without_labels:
            return self.train
        return self.train.with_unlabelled(self.unlabelled)

    @property
    def num_truncated(self) -> int:
        return sum(split.num_truncated for split in (self.train, self.validation, self.test))

    @property
    def num_lost(self) -> int:
        return sum(split.num_lost for split in (self.train, self.validation, self.test))

    def told(self) -> str:
        """What a user must know of examples that are left out; nothing where none is."""
        if not self.num_lost:
            return ""
        every = self.num_lost + sum(split.num_records for split in (self.train, self.validation, self.test))
        return (
            f"{self.num_lost} of {every} examples have nothing to predict within {self.max_length} tokens, and are "
            f"left out. A larger task.max_length keeps them."
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """What a network is given of a batch."""
        types = () if self.train.token_type_ids is None else (TYPES,)
        return (*PLAIN, *types, *self.objective.more_inputs)

    def artifact_facts(self) -> dict[str, Any]:
        """What an exported model must know of its data."""
        return {
            **self.objective.artifact_facts(),
            "max_length": self.max_length,
            "num_text_columns": self.num_text_columns,
            "inputs": self.input_names,
            "trained_on": self.seen,
            "private": self.private,
        }

    def sampler(self, plan: Plan, rank: int = 0) -> TokenBudgetSampler:
        """The order and the batches of training, for one of the plan's processes."""
        learned = self.learned(plan)
        return TokenBudgetSampler(
            learned.lengths,
            batch_tokens=plan.trainer.batch_tokens,
            batch_size=plan.trainer.batch_size,
            seed=plan.seed,
            rank=plan.strategy.share_of(rank),
            world_size=plan.strategy.num_shares(),
            accumulate=plan.trainer.accumulate,
            counts=self.objective.counts_in(learned),
        )

    def total_steps(self, plan: Plan) -> int:
        """Optimizer steps from the beginning to the end."""
        if (planned := plan.strategy.planned_steps()) is not None:
            return planned
        if plan.trainer.max_steps is not None:
            return plan.trainer.max_steps
        per_epoch = (
            self.sampler(plan).num_steps if plan.privacy is None else plan.privacy.steps(self.num_examples(plan))
        )
        return per_epoch * plan.trainer.epochs

    def collator(self) -> Collator:
        pad = self.tokenizer.convert_tokens_to_ids(str(self.tokenizer.pad_token))
        asked = self.objective
        return Collator(int(pad), asked.targets, asked.rows, asked.more)  # type: ignore[arg-type]

    def validation_batches(self) -> Iterator[dict[str, Tensor]]:
        """The validation split likewise."""
        return in_order(self.validation, self.objective.evaluation_tokens, self.collator())

    def test_batches(self) -> Iterator[dict[str, Tensor]]:
        """The test split in batches of similar length, each example once."""
        return in_order(self.test, self.objective.evaluation_tokens, self.collator())


def prepare(dataset: Dataset, plan: Plan) -> Prepared:
    """Every split as tokens of the plan's tokenizer, and what the techniques keep of it.

    Raises:
        DataError: the model has no room for the texts, or a technique's settings do not fit the data.
        NoEffectError: pieces were to be removed, and all are needed.
    """
    tokenizer = plan.model.tokenizer()
    more = plan.tuning.extra_tokens
    check_room(plan.model, tokenizer, plan.task.max_tokens() + more, SEQUENCE_LENGTH + more)
    data = encoded_with(tokenizer, dataset, plan)
    for technique in plan.techniques:
        technique.check_data(data.tokenizer, data.objective, data.max_length)
    wanted = [t.kept_tokens(data.tokenizer, data.learned(plan).input_ids) for t in plan.techniques]
    needed = [set(ids) for ids in wanted if ids is not None]
    if not needed:
        return data
    trimmed = trim(data.tokenizer, set.intersection(*needed))
    if len(trimmed.kept) == len(data.tokenizer):
        raise NoEffectError(
            f"compression=[vocabulary] would remove nothing: the texts use all of the {len(data.tokenizer)} tokens. "
            "Leave it out, or raise compression.vocabulary.min_count."
        )
    return replace(data, trimmed=trimmed)


def encoded_with(tokenizer: PreTrainedTokenizerBase, dataset: Dataset, plan: Plan) -> Prepared:
    """Every split as a tokenizer's tokens, without padding; found again where they were made before.

    Private texts are tokenized anew by every run: what accel leaves outside of a run's folder holds none of them.
    """
    max_length, objective = plan.task.max_tokens(), plan.task.objective(dataset)
    tokenizer = objective.adapted(tokenizer)
    objective = objective.reading(tokenizer)
    splits = {name: getattr(dataset, name) for name in SPLITS}

    def encode() -> dict[str, Encoded]:
        return {name: objective.encode(split, tokenizer, max_length) for name, split in splits.items()}

    if plan.privacy is None:
        encoded, reused = once(plan.cache / "tokens" / _content_hash(dataset, tokenizer, max_length, objective), encode)
    else:
        encoded, reused = encode(), False
    train, validation, test = (
        Tokenized(
            e.input_ids,
            list(splits[name].labels),
            e.token_type_ids,
            e.num_truncated,
            e.num_lost,
            splits[name].num_bytes,
            e.targets,
            e.records,
            splits[name].owners,
            splits[name].strata,
            texts=splits[name].texts,
        )
        for name, e in ((name, encoded[name]) for name in SPLITS)
    )
    return Prepared(
        train=replace(train, importance=plan.trainer.importance(splits["train"])),
        unlabelled=_unlabelled(dataset, tokenizer, max_length, objective),
        validation=validation,
        test=test,
        reused=reused,
        objective=objective,
        fingerprint=f"{dataset.fingerprint} {max_length}",
        tokenizer=tokenizer,
        max_length=max_length,
        num_text_columns=objective.texts_together(len(dataset.train.texts[0])),
    )


def _unlabelled(
    dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int, objective: Objective
) -> Tokenized | None:
    if dataset.unlabelled is None:
        return None
    found = objective.encode(dataset.unlabelled, tokenizer, max_length)
    return Tokenized(found.input_ids, [], found.token_type_ids, found.num_truncated)


def _content_hash(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int, objective: Objective) -> str:
    """Over everything that the tokens depend on, and nothing else."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = backend.to_str() if backend is not None else [sorted(tokenizer.get_vocab().items()), tokenizer.init_kwargs]
    what = [type(tokenizer).__name__, str(rules), tokenizer.special_tokens_map, tokenizer.model_input_names]
    what += [tokenizer.split_special_tokens, tokenizer.chat_template, *objective.encodes_by()]
    versions = [version("transformers"), version("tokenizers")]
    return digest([dataset.fingerprint, max_length, objective.name, *what, versions])[:24]


class Batches(pl.LightningDataModule):
    """Hands each process its batches, through the plan's loader seams."""

    def __init__(self, plan: Plan, data: Prepared, facts: Facts) -> None:
        super().__init__()
        self.plan = plan
        self.data = data
        self.facts = facts

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        sampler = self.data.sampler(self.plan, self.trainer.global_rank)
        loader: DataLoader[Any] = ResumableLoader(self.data.learned(self.plan), sampler, self.data.collator())
        for technique in self.plan.techniques:
            loader = technique.adapt_loader(loader, self.facts)
        return loader

    def val_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        strategy = self.plan.strategy
        share = self.data.validation.share(strategy.share_of(self.trainer.global_rank), strategy.num_shares())
        batches = list(in_order(share, self.data.objective.evaluation_tokens, self.data.collator()))
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type] - a list of ready batches
