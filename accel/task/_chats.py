"""What the tasks have in common whose conversations teach a language model to reply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.core.language_task import CausalTask
from accel.core.metric import OF_CHAT, OF_REPLY_SELECTION, Metric
from accel.core.option import Objection
from accel.data import Dataset
from accel.data.chat_templates import SUFFIX, TEMPLATES, is_template, template_of
from accel.data.documents import unlabelled
from accel.data.examples import Tally, check_filled
from accel.data.splits import Splits

if TYPE_CHECKING:
    from accel.core.objective import Objective
    from accel.core.plan import Plan


@dataclass(kw_only=True)
class ChatTask(CausalTask):
    """Base of every task whose examples are conversations."""

    unit: ClassVar[str] = "conversations"
    may_be_known: ClassVar[bool] = True

    template: str | None = None
    """How turns are written: chatml, plain, or a .jinja file; the model's own when absent."""
    max_length: int = 512
    """Tokens; a longer conversation is cut, and counted."""
    selections: int = 0
    """Conversations of a split of which a finished model picks the true reply among ten; 0: none."""

    def max_tokens(self) -> int:
        return self.max_length

    def predicts(self) -> type[Objective]:
        from accel.objective.chat import Chat
        from accel.objective.reply_selection import ReplySelection

        return ReplySelection if self.selections else Chat

    def metrics(self) -> tuple[Metric, ...]:
        if type(self).predicts is not ChatTask.predicts:
            return super().metrics()
        return OF_REPLY_SELECTION if self.selections else OF_CHAT

    def objective(self, dataset: Dataset) -> Objective:
        more = self._selecting(dataset) if self.selections else {}
        return self.predicts()(template=template_of(self.template), **more)  # type: ignore[call-arg]

    def _selecting(self, dataset: Dataset) -> dict[str, int]:
        from accel.objective.reply_selection import check_replies

        check_replies({"validation": dataset.validation, "test": dataset.test}, self.selections)
        return {"selections": self.selections}

    def objections(self, plan: Plan) -> Iterator[Objection]:
        if not 16 <= self.max_length <= 100_000:
            yield self.out_of_range("max_length", "at least 16 tokens", "512")
        if not 0 <= self.selections <= 1_000_000:
            yield self.out_of_range("selections", "at least 0", "200")
        if self.template is not None and not is_template(self.template):
            yield self.out_of_range("template", f"one of {', '.join(TEMPLATES)}, or a {SUFFIX} file", "plain")
        yield from super().objections(plan)


def assemble(splits: Splits, tally: Tally, source: str) -> Dataset:
    """The splits as a data set without labels.

    Raises:
        DataError: a split is empty.
    """
    train, validation, test = splits
    named = {"train": train, "validation": validation, "test": test}
    check_filled(named, source, tally.notes)
    return unlabelled(named, "conversations", tally)
