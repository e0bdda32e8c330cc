"""Find the passage that answers a query: vectors that are near where texts belong together, from your own pairs.

What it does: reads a table with a column of queries and one of passages. The network makes a vector of each text, the
    mean over its tokens with length 1, and learns that a query is nearer to its passage than to the others of the batch
    (of all processes together), in both directions. Texts that are known to belong together are never negatives of each
    other. Reports nDCG@10, recall@1, recall@10 and MRR of ranking all passages of a split, beside random order. A
    query's rows stay in one split; ``split_by`` names a column, such as a conversation, whose rows do instead.
    ``accel search RUN "text" --in FILE`` shows the nearest texts of a file. With ``hard_negatives`` a pair brings
    passages of training with it that share words with its query and are right in none of its pairs; BM25 finds them.
Use it when: there are questions with answers, titles with texts, messages with replies, and new ones are to be matched.
What it costs: two texts per example, and one more for each hard negative, which count as tokens of the batch. Few
    pairs in a batch are few negatives: raise ``trainer.batch_tokens``.
Composes with: every encoder and technique but a prompt and a head alone; refused with what trains on less than a whole
    batch: ``trainer.accumulate``, ``privacy``, ``strategy=federated``, ``strategy=tensor_parallel``.
Off switch: choose another task.
Reference: van den Oord et al. 2018 (arXiv 1807.03748) for the loss, Reimers & Gurevych 2019 (arXiv 1908.10084),
    Karpukhin et al. 2020 (arXiv 2004.04906) for hard negatives by BM25.

    accel task=retrieval task.train=faq.csv 'task.text=[question,answer]' trainer.batch_tokens=4096
    accel search outputs/DATE/TIME "where is my parcel" --in answers.csv --column answer
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.columns import groups_of, pairs_of
from accel.data.examples import Example, Tally
from accel.data.table import Table
from accel.task._pairs import by_query
from accel.task._passages import PassageTask
from accel.task._text_file import TextFile


@dataclass(kw_only=True)
class Retrieval(PassageTask, TextFile):
    """Queries and their passages, from files."""

    text: Any = field(default_factory=lambda: ["query", "passage"])
    """Two columns: of queries and of passages."""

    def label_columns(self) -> list[str]:
        return []

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from TextFile.objections(self, plan)
        yield from PassageTask.objections(self, plan)
        if len(set(self.columns())) != 2:
            yield self.out_of_range("text", "two columns, of queries and of passages", "'[question,answer]'")

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        """The rows; one with an empty side is a mistake of its owner, who is told."""
        tally.note(table.notes)
        queries, passages = pairs_of(table, self.columns(), tally, "a pair needs both texts")
        groups = groups_of(table, self.split_by) if self.split_by else [""] * len(queries)
        return by_query(
            [
                Example((query, passage), "", f"line {line}", group)
                for query, passage, group, line in zip(queries, passages, groups, table.lines, strict=True)
            ]
        )

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        splits = self.splits(seed, tally)
        return self.assembled(splits, tally, f"task.train={self.train}")
