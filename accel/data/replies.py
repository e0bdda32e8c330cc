"""Which tokens of a conversation are replies: found by rendering, and proven for every conversation. No torch.

A template is a program, and nothing in it says where a reply begins. So each reply is rendered twice: what stands
before it as a model is asked for it, and the conversation up to its end. Both must be beginnings of the whole, and no
token may lie across the place where the reply begins; then a trained model stands where it stood in training. A
template that changes earlier turns as the conversation goes on, as some that hide thoughts do, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accel.data import Split
from accel.data.chat_templates import TEMPLATES
from accel.data.conversations import ASSISTANT, USER, Turn, turns_of
from accel.data.tokens import IGNORED, Encoded, Ragged
from accel.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTEAD = (
    "Choose another template: task.template=plain works with any model, and a .jinja file of yours may change the "
    "model's own."
)
PROBE: tuple[Turn, ...] = ({"role": USER, "content": "Agreed?"}, {"role": ASSISTANT, "content": "Yes, 42."})


@dataclass(frozen=True)
class Rendered:
    """A conversation as a template writes it, and where its replies stand: from the first character to the last of the
    token that ends the turn.
    """

    text: str
    replies: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Replies:
    """The tokens of a conversation, int32, and which of them are parts of replies, bool."""

    ids: np.ndarray
    mask: np.ndarray


def with_template(tokenizer: PreTrainedTokenizerBase, template: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer, ready to write and read conversations; it is exported like this.

    What a template writes are special tokens, so that they are read as such here. What people write never is: see
    ``Writer.check_words``.

    Args:
        template: instead of its own.

    Raises:
        DataError: there is no template, or the tokenizer does not say where its tokens stand.
    """
    if template is not None:
        tokenizer.chat_template = template
    if not tokenizer.chat_template:
        raise DataError(
            "The model's tokenizer has no chat template, so nobody knows how it writes a conversation. Say it: "
            f"task.template={' or '.join(TEMPLATES)}, or a .jinja file; or take a model that has one, such as "
            "model=smollm2."
        )
    if not tokenizer.is_fast:
        raise DataError(
            "The model's tokenizer does not say which characters a token stands for, so replies cannot be told from "
            "questions. Take a model with a tokenizer.json."
        )
    tokenizer.split_special_tokens = False
    tokenizer.init_kwargs["split_special_tokens"] = False
    return tokenizer


class Writer:
    """Writes conversations by the template of a tokenizer that ``with_template`` gave."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        tokens = {str(t) for t in tokenizer.added_tokens_decoder.values() if t.special} | {
            *tokenizer.all_special_tokens
        }
        longest_first = sorted(tokens - {""}, key=lambda token: (-len(token), token))
        self.special = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        """Finds special tokens in a text."""

    def replies(self, turns: Sequence[Turn], *, exact: bool = True) -> Replies:
        """The tokens of a conversation, and which of them are parts of replies.

        Args:
            turns: the last one is a reply.
            exact: whether to compare the tokens before each reply with those of the same text alone, in a time that
                grows with the square of the turns; otherwise where tokens begin and end must tell.

        Raises:
            DataError: it cannot be proven.
        """
        found = self.rendered(turns)
        encoded = self.tokenizer(found.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids = np.array(encoded["input_ids"], dtype=np.int32)
        starts, stops = np.array(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2).T
        mask = np.zeros(len(ids), dtype=bool)
        for begin, end in found.replies:
            before = ids[: int((starts < begin).sum())].tolist()
            across = bool(((starts < begin) & (stops > begin)).any())
            if across or (exact and before != self.tokens(found.text[:begin])):
                raise _unproven(
                    "leaves the beginning of a reply in one token with what stands before it, so that a model that is "
                    f"asked would stand where it never stood in training ({_shown(found.text[max(0, begin - 20) :])})"
                )
            mask |= (starts >= begin) & (stops <= end) & (starts < stops)
        return Replies(ids, mask)

    def rendered(self, turns: Sequence[Turn]) -> Rendered:
        """A conversation whose last turn is a reply.

        Raises:
            DataError: the template does not write it, or it cannot be proven where its replies stand.
        """
        for turn in turns:
            self.check_words(turn["content"])
        whole = self.render(turns)
        spans = []
        for number, turn in enumerate(turns):
            if turn["role"] == ASSISTANT:
                asked, through = self.render(turns[:number], ask=True), self.render(turns[: number + 1])
                spans.append((len(asked), self._end(asked, through, whole, turn["content"])))
        return Rendered(whole, tuple(spans))

    def _end(self, asked: str, through: str, whole: str, words: str) -> int:
        """Where a reply ends, its end token included.

        Args:
            asked: all that stands before the reply, as a model is asked for it.
            through: the same with the reply.
            whole: the conversation.
            words: of the reply.
        """
        if not through.startswith(asked):
            raise _unproven("writes what stands before a reply otherwise once the reply is there")
        if not whole.startswith(through):
            raise _unproven("writes a turn otherwise once others follow it, as templates do that hide earlier thoughts")
        reply = through[len(asked) :]
        ends = list(self.special.finditer(reply))
        if not ends:
            raise _unproven("ends no reply with a special token of this tokenizer, so that a model would never stop")
        if words not in reply[: ends[-1].start()]:
            raise _unproven("does not write a reply as it was given")
        return len(asked) + ends[-1].end()

    def check_words(self, words: str) -> None:
        """That a text spells no special token: it would end its turn, or speak for somebody else.

        Raises:
            DataError: it does.
        """
        if found := self.special.search(words):
            raise DataError(
                f"A turn spells {found[0]!r}, which the model would read as that special token, so that the turn could "
                f"end or speak for somebody else: {_shown(words)}. Remove it there."
            )

    def render(self, turns: Sequence[Turn], *, ask: bool = False) -> str:
        """Turns as the template writes them; with ``ask`` up to where the reply begins.

        Raises:
            DataError: it does not write them, and why.
        """
        try:
            return str(self.tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=ask))
        except Exception as error:  # a template is a program, and fails as programs do
            reason = " ".join(str(error).split())[:200]
            roles = ", ".join(turn["role"] for turn in turns)
            raise DataError(
                f"The chat template refuses a conversation of {roles}: {reason}. Change the conversations, or the "
                f"template with task.template."
            ) from None

    def tokens(self, text: str) -> list[int]:
        """Of what a template wrote, which holds all special tokens already."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def end_tokens(self) -> set[int]:
        """At which a reply is over: the first special token after its words, and the end token of the tokenizer.

        Raises:
            DataError: the template ends no reply.
        """
        found = self.rendered(PROBE)
        ((begin, end),) = found.replies
        reply, words = found.text[begin:end], PROBE[-1]["content"]
        first = self.special.search(reply, reply.index(words) + len(words))
        ends = [self.tokenizer.convert_tokens_to_ids(first[0])] if first else []
        return {int(token) for token in (*ends, self.tokenizer.eos_token_id) if token is not None}  # type: ignore[arg-type]


def _unproven(why: str) -> DataError:
    return DataError(
        f"The chat template {why}. So nobody can say which tokens are replies, and nothing was trained. {INSTEAD}"
    )


def _shown(words: str) -> str:
    return f"{words[:60]!r}{'…' * (len(words) > 60)}"


EXACT = 50
"""Conversations of a split whose tokens before each reply are compared; of the others where tokens begin and end."""


def replies_of(split: Split, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """The tokens of conversations, and as targets those of replies; ``IGNORED`` elsewhere.

    Those of which no reply begins before ``max_length`` are left out and counted.

    Raises:
        DataError: a template of which nobody can say where replies stand; or no reply is left.
    """
    writer = Writer(tokenizer)
    rows: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    cut = 0
    for number, (text,) in enumerate(split.texts):
        found = writer.replies(turns_of(text), exact=number < EXACT)
        cut += len(found.ids) > max_length
        ids, mask = found.ids[:max_length], found.mask[:max_length]
        if mask[1:].any():
            rows.append(ids)
            targets.append(np.where(mask, ids, IGNORED))
    if not rows:
        raise DataError(
            f"task.max_length={max_length}: no conversation of a split has a reply that begins before it. Raise it."
        )
    return Encoded(
        Ragged.of(rows), None, cut, Ragged.of(targets), np.arange(len(rows)), num_lost=len(split) - len(rows)
    )
