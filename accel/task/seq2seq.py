"""Write a text for a text: a summary, a title, a translation, an answer in other words; with a T5 or a BART.

What it does: reads CSV, TSV, JSON or Parquet with a column of sources and one of what to write. The decoder learns the
    next token of the true text (its mean over each text, then over texts). A split is scored by what the model writes
    by itself, greedily or with ``beams`` ways at once: ROUGE-L first (over words, ideographs one by one, nothing is
    downloaded), exact match, and the loss, beside what copying the source has. All rows of one source stay in one
    split.
Use it when: the answer is a text that stands in no list. Where it has a name, classify.
What it costs: scoring writes every text of the split, one token after the other, at the end of every epoch as well. The
    exported model is for PyTorch: ``accel predict``, and transformers where it was neither cut nor rounded. It is
    measured on ``engines=[eager]``: one pass with the true text at hand.
Composes with: T5 and BART; prune, mask, layers, ptq and qat; every tuning but head, prompt and p_tuning; one process,
    ddp or federated, with dpfedavg too.
Off switch: choose another task.
Reference: Raffel et al. 2020 (arXiv 1910.10683); Lewis et al. 2020 (arXiv 1910.13461); Lin 2004 for ROUGE-L.

    accel task=seq2seq task.train=articles.csv 'task.text=[article,title]' model=tiny_t5 engines=[eager]
    accel task=seq2seq task.train=pairs.jsonl 'task.text=[zh,en]' model=mt5_small engines=[eager]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from accel.compression.distill import Distill
from accel.compression.vocabulary import Vocabulary
from accel.core.family import family_of
from accel.core.metric import OF_WRITING, Metric
from accel.core.option import Objection, Option, typed
from accel.core.task import GroupedTask
from accel.core.tuning import HeadOnly, Prompt
from accel.data import Dataset
from accel.data.columns import groups_of, pairs_of
from accel.data.examples import Example, Tally, check_filled, dataset_of
from accel.data.table import Table
from accel.engines.eager import Eager
from accel.strategy.ddp import Ddp
from accel.strategy.federated import Federated
from accel.strategy.single import Single
from accel.task._text_file import TextFile

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


NO_TUNINGS = (
    (HeadOnly, "a model that writes has no head of its own: nothing would learn", "tuning=lora"),
    (
        Prompt,
        "a prompt is put before the text where encoder and decoder are asked together, and in writing they are asked "
        "one by one, without it",
        "tuning=prefix",
    ),
)
"""(trait of a tuning, because, instead)."""


@dataclass(kw_only=True)
class Seq2seq(GroupedTask, TextFile):
    """Sources and what to write of them, from files."""

    can_calibrate: ClassVar[bool] = False

    text: Any = field(default_factory=lambda: ["source", "target"])
    """Two columns: of what is read and of what is written."""
    max_target_length: int = 64
    """Tokens that are learned and written at most; longer texts are cut, and counted."""
    beams: int = 1
    """Ways that are followed at once in writing; 1 takes the likeliest token each time."""

    def label_columns(self) -> list[str]:
        return []

    def predicts(self) -> type[Objective]:
        from accel.objective.sequence_to_sequence import SequenceToSequence

        return SequenceToSequence

    def metrics(self) -> tuple[Metric, ...]:
        return OF_WRITING

    def objective(self, dataset: Dataset) -> Objective:
        del dataset
        return self.predicts()(self.max_target_length, self.beams)  # type: ignore[call-arg]

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from super().objections(plan)
        if len(set(self.columns())) != 2:
            yield self.out_of_range("text", "two columns, of sources and of what to write", "'[article,title]'")
        if not 2 <= self.max_target_length <= 10_000:
            yield self.out_of_range("max_target_length", "at least 2 tokens", "64")
        if not 1 <= self.beams <= 64:
            yield self.out_of_range("beams", "between 1 and 64", "1")
        yield from self._objections_to_model(plan)
        yield from self._objections_to_company(plan)

    def _objections_to_model(self, plan: Plan) -> Iterator[Objection]:
        name, positions = plan.model.family(), plan.model.usable_positions()
        if name is not None and not family_of(name).encoder_decoder:
            yield Objection(
                f"task={self.option_name()}  with a {name} model",
                f"a {name} has no decoder that writes a text beside an encoder that reads one",
                "model=t5_small, mt5_small or tiny_t5, or task=language_modeling",
            )
        if 0 < positions < self.max_target_length:
            yield self.out_of_range("max_target_length", f"at most the model's {positions} positions", str(positions))

    def _objections_to_company(self, plan: Plan) -> Iterator[Objection]:
        """What others do with the logits of a text is not what is written for it."""
        for option, because, instead in self._clashes(plan):
            yield Objection(f"task={self.option_name()}  with  {typed(option)}", because, instead)

    def _clashes(self, plan: Plan) -> Iterator[tuple[Option, str, str]]:
        for engine in plan.engines:
            if not isinstance(engine, Eager):
                yield (
                    engine,
                    "its files hold one pass from texts to logits, and writing takes a pass for every token with what "
                    "was written before: the exported model is for PyTorch alone",
                    "engines=[eager]",
                )
        for technique in plan.compression:
            if isinstance(technique, Distill):
                yield (
                    technique,
                    "a student is compared with its teacher at the tokens of the text that is read, and these are not "
                    "the tokens that are written",
                    "leave distill out, or train on what a larger model has written",
                )
            elif isinstance(technique, Vocabulary):
                yield technique, "what is written later may need pieces that training has not", "leave vocabulary out"
            elif technique.public_texts():
                yield technique, "public texts come without anything to write", "leave its public_text out"
        yield from _of_tuning(plan)
        if plan.privacy is not None and not plan.privacy.protects_clients:
            yield (
                plan.privacy,
                "gradients of single records are known of networks that read one sequence, and a record here is two",
                "privacy=none, or privacy=dpfedavg with strategy=federated",
            )
        if not isinstance(plan.strategy, Single | Ddp | Federated):
            yield (
                plan.strategy,
                "scoring writes texts of different lengths, for which every process needs the whole model",
                "strategy=ddp, federated or single",
            )

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        """The rows; one with an empty side is a mistake of its owner, who is told."""
        tally.note(table.notes)
        sources, targets = pairs_of(table, self.columns(), tally, "a pair needs both texts")
        found = zip(table.lines, sources, targets, strict=True)
        plain = [Example((source, target), "", f"line {line}", source) for line, source, target in found]
        return plain if self.split_by is None else self._grouped(plain, table)

    def _grouped(self, examples: list[Example], table: Table) -> list[Example]:
        assert self.split_by is not None
        groups = groups_of(table, self.split_by)
        return [replace(example, group=group) for example, group in zip(examples, groups, strict=True)]

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        splits = self.splits(seed, tally)
        check_filled(dict(zip(("train", "validation", "test"), splits, strict=True)), f"task.train={self.train}")
        found = dataset_of(splits, lambda example: None, [], tally)
        parts = {name: replace(getattr(found, name), labels=[]) for name in ("train", "validation", "test")}
        return replace(found, **parts)


def _of_tuning(plan: Plan) -> Iterator[tuple[Option, str, str]]:
    for kind, because, instead in NO_TUNINGS:
        if isinstance(plan.tuning, kind):
            yield plan.tuning, because, instead
