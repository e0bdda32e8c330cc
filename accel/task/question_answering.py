"""Find the answer to a question in a text, or say that it is not there, from your own file.

What it does: reads questions, contexts and answers (JSON lines, CSV, Parquet, SQuAD's own JSON), and learns where in a
    context an answer begins and ends. A context longer than ``max_length`` tokens is read in windows that share
    ``stride`` tokens; each example counts the same in the loss, and a window without the whole answer teaches that
    there is none. Scored is one answer for each example, the likeliest over all of its windows, by F1 and exact match:
    English by word as SQuAD's script does, Chinese by character. Where questions have no answer, how likely one must be
    is chosen on the validation split and goes with the model. Questions about the same context stay in one split.
Use it when: answers stand in texts word for word: manuals, contracts, records, articles.
What it costs: a pass over every window of long contexts; in a finished model too.
Composes with: every encoder and technique but a prompt; refused under privacy, where the threshold would tell of
    private examples and an example has several windows.
Off switch: choose another task.
Reference: Rajpurkar et al. 2018 (arXiv 1806.03822), SQuAD 2.0; Devlin et al. 2018 (arXiv 1810.04805), section 4.3.

    accel task=question_answering task.train=questions.jsonl
    accel predict outputs/DATE/TIME --file more.jsonl
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from accel.core.option import Objection
from accel.core.plan import Plan
from accel.core.task import GroupedTask, Task
from accel.data import Dataset
from accel.data.columns import groups_of, pairs_of
from accel.data.content import Content
from accel.data.examples import Example, Tally
from accel.data.questions import WITH_SQUAD, Columns, answers_of
from accel.data.read_table import read_table
from accel.data.table import Table
from accel.task._answers import SpanTask, assemble, by_context, labelled
from accel.task._text_file import TextFile


@dataclass(kw_only=True)
class QuestionAnswering(GroupedTask, SpanTask, TextFile):
    """Questions with contexts and answers, from files."""

    max_length: int = 256
    """Tokens of a window: the question and a part of the context."""
    text: Any = field(default_factory=lambda: ["question", "context"])
    """Two columns: of questions and of contexts."""
    answers: str = "answers"
    """A column of ``{"text": ["an answer"], "answer_start": [12]}``, with empty lists where there is none."""
    answer: str = "answer"
    """Without such a column, one of a text each, empty where there is none."""
    answer_start: str = "answer_start"
    """And one that says at which character it begins; without it an answer is right wherever it stands."""

    def label_columns(self) -> list[str]:
        return self._columns().all()

    def _columns(self) -> Columns:
        return Columns(self.answers, self.answer, self.answer_start)

    def objections(self, plan: Plan) -> Iterator[Objection]:
        yield from SpanTask.objections(self, plan)
        if len(set(self.columns())) != 2:
            yield self.out_of_range("text", "two columns, of questions and of contexts", "'[question,context]'")
        if set(self.label_columns()) & set(self.columns()):
            yield self.out_of_range("answer", "another column than the question and the context", "answer")

    def content(self, secret: bytes) -> Content:
        return Task.content(self, secret)

    def table(self, path: str, key: str, columns: Sequence[str]) -> Table:
        return read_table(path, key, WITH_SQUAD, columns)

    def examples(self, table: Table, tally: Tally) -> list[Example]:
        tally.note(table.notes)
        questions, contexts = pairs_of(table, self.columns(), tally, "nothing can be answered without it")
        groups = groups_of(table, self.split_by) if self.split_by else map(by_context, contexts)
        found = answers_of(table, contexts, self._columns())
        return [
            Example((question, context), labelled(places), f"line {line}", group)
            for question, context, places, line, group in zip(
                questions, contexts, found, table.lines, groups, strict=True
            )
        ]

    def load(self, seed: int) -> Dataset:
        tally = Tally()
        splits = self.splits(seed, tally)
        return assemble(splits, tally, f"task.train={self.train}")
