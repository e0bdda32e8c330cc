"""A tokenizer's vocabulary, and the same tokenizer with fewer pieces.

A text whose pieces are all kept is cut as before: WordPiece takes the longest piece, Unigram the likeliest cut, and
fewer rivals change neither; BPE keeps every merge on the way to a kept piece. Any other text falls back to shorter
pieces, down to single characters or bytes, which always stay.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accel.errors import RunError
from accel.weights.pretrained import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER = "tokenizer.json"


def count_tokens(rows: Iterable[np.ndarray], size: int) -> np.ndarray:
    """How often each id occurs: int64 [size]."""
    total = np.zeros(size, dtype=np.int64)
    for row in rows:
        np.add.at(total, row, 1)
    return total


@dataclass(frozen=True)
class Trimmed:
    """A tokenizer with fewer pieces than the one it was made from."""

    tokenizer: PreTrainedTokenizerBase
    kept: list[int]
    """For each of its ids the old one, ascending."""


def trim(tokenizer: PreTrainedTokenizerBase, wanted: Collection[int]) -> Trimmed:
    """The tokenizer with the wanted pieces, the special ones and those that any text falls back to.

    Raises:
        RunError: the tokenizer is of a kind that cannot be rewritten.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer.save_pretrained(folder)
        file = folder / TOKENIZER
        rules: dict[str, Any] = json.loads(file.read_text("utf8")) if file.is_file() else {}
        model = rules.get("model", {"type": type(tokenizer).__name__})
        if model["type"] not in KINDS:
            raise RunError(
                f"compression=[vocabulary] cannot rewrite a tokenizer of the kind {model['type']}: it knows "
                f"{', '.join(KINDS)}. Leave vocabulary out."
            )
        needed = set(wanted) | {entry["id"] for entry in rules["added_tokens"]} | set(tokenizer.all_special_ids)
        kept = KINDS[model["type"]](model, needed)
        new_id = {old: new for new, old in enumerate(kept)}
        _renumber(rules, new_id)
        file.write_text(json.dumps(rules, ensure_ascii=False), "utf8")
        for other in ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model"):
            (folder / other).unlink(missing_ok=True)  # the same pieces in another format, all of them
        return Trimmed(load_tokenizer(folder), kept)


def _word_level(model: dict[str, Any], needed: set[int]) -> list[int]:
    return _keep_named(model, needed)


def _word_piece(model: dict[str, Any], needed: set[int]) -> list[int]:
    prefix = model["continuing_subword_prefix"]
    return _keep_named(
        model, needed | {n for piece, n in model["vocab"].items() if len(piece.removeprefix(prefix)) == 1}
    )


def _bpe(model: dict[str, Any], needed: set[int]) -> list[int]:
    """A piece needs a merge that makes it, that merge its two parts, and these theirs."""
    vocabulary: dict[str, int] = model["vocab"]
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    made: dict[str, list[tuple[str, ...]]] = {}
    for merge in merges:
        made.setdefault("".join(merge), []).append(merge)
    pieces = {n: piece for piece, n in vocabulary.items()}
    made_of_none = {piece for piece in vocabulary if piece not in made}
    open_, kept = [pieces[n] for n in needed if n in pieces] + list(made_of_none), set[str]()
    while open_:
        piece = open_.pop()
        if piece not in kept:
            kept.add(piece)
            open_ += [part for merge in made.get(piece, []) for part in merge]
    model["merges"] = [list(merge) for merge in merges if "".join(merge) in kept]
    return _keep_named(model, {vocabulary[piece] for piece in kept} | needed)


def _unigram(model: dict[str, Any], needed: set[int]) -> list[int]:
    pieces = model["vocab"]
    single = {n for n, (piece, _) in enumerate(pieces) if len(piece) == 1 or _is_byte(piece)}
    kept = sorted(needed | single | {model["unk_id"]})
    model["vocab"] = [pieces[n] for n in kept if n < len(pieces)]
    model["unk_id"] = kept.index(model["unk_id"])
    return kept


def _is_byte(piece: str) -> bool:
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")


def _keep_named(model: dict[str, Any], needed: set[int]) -> list[int]:
    """Cut a vocabulary of piece -> id down to the needed ids, numbered anew in their old order."""
    kept = sorted(needed)
    new_id = {old: new for new, old in enumerate(kept)}
    model["vocab"] = {piece: new_id[old] for piece, old in model["vocab"].items() if old in new_id}
    return kept


KINDS: dict[str, Callable[[dict[str, Any], set[int]], list[int]]] = {
    "WordLevel": _word_level,
    "WordPiece": _word_piece,
    "BPE": _bpe,
    "Unigram": _unigram,
}
"""Each cuts a model of its kind in place and returns the old ids that are left, ascending."""


def _renumber(rules: dict[str, Any], new_id: dict[int, int]) -> None:
    """Everything beside the model that holds ids: added tokens, templates, padding."""
    for entry in rules["added_tokens"]:
        entry["id"] = new_id[entry["id"]]
    if rules.get("padding"):
        rules["padding"]["pad_id"] = new_id[rules["padding"]["pad_id"]]
    for processor in _processors(rules.get("post_processor")):
        for special in processor.get("special_tokens", {}).values():
            special["ids"] = [new_id[n] for n in special["ids"]]
        for end in ("sep", "cls"):  # of BERT's and RoBERTa's own processors: [piece, id]
            if end in processor:
                processor[end][1] = new_id[processor[end][1]]


def _processors(processor: dict[str, Any] | None) -> list[dict[str, Any]]:
    if processor is None:
        return []
    return [p for inner in processor.get("processors", []) for p in _processors(inner)] or [processor]
