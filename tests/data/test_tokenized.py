"""Texts are tokenized once, cut and counted; parts and shares have the rows that they should."""

from dataclasses import replace

import numpy as np
import pytest

from accel.data import Split
from accel.data.tokenized import Tokenized, tokenize
from accel.data.tokens import Ragged
from accel.model._tiny import byte_tokenizer
from tests.data.lengths import LENGTHS, tokenized


def test_texts_are_cut_and_counted_but_not_padded():
    found = tokenize(Split([("ab",), ("abcdef",), ("abcdefgh",)], [0, 1, 0]), byte_tokenizer(segments=True), 8)
    assert found.input_ids.lengths.tolist() == [4, 8, 8]
    assert found.num_truncated == 1, "six letters and two special tokens just fit"
    assert found.token_type_ids is None


def test_pairs_carry_segments_only_where_the_model_has_them():
    pairs = Split([("ab", "c"), ("abcdefgh", "abcdefgh")], [0, 1])
    with_segments = tokenize(pairs, byte_tokenizer(segments=True), 10)
    assert with_segments.token_type_ids is not None
    assert with_segments.token_type_ids[0].tolist() == [0, 0, 0, 0, 1, 1]
    assert with_segments.input_ids.lengths.tolist() == [6, 10]
    assert with_segments.num_truncated == 1
    assert tokenize(pairs, byte_tokenizer(segments=False), 10).token_type_ids is None


def test_tokenizers_written_in_python_count_what_they_cut_too():
    from transformers import CanineTokenizer

    found = tokenize(Split([("abc",), ("abcdef",), ("abcdefgh",)], [0, 1, 0]), CanineTokenizer(), 8)
    assert found.input_ids.lengths.tolist() == [5, 8, 8]
    assert found.num_truncated == 1


def test_more_texts_than_are_tokenized_at_once():
    found = tokenize(Split([("a" * (i % 7),) for i in range(2100)], [0] * 2100), byte_tokenizer(segments=False), 64)
    assert found.input_ids.lengths.tolist() == [2 + i % 7 for i in range(2100)]


def test_no_texts():
    assert len(tokenize(Split([], []), byte_tokenizer(segments=True), 8).input_ids) == 0


@pytest.mark.fault("N8")
def test_shares_of_the_ranks_are_disjoint_and_complete():
    data = tokenized(LENGTHS)
    shares = [data.share(rank, 3) for rank in range(3)]
    assert sorted(int(ids[0]) for s in shares for ids in s.input_ids) == list(range(len(data)))


def test_texts_without_labels_count_nothing_and_all_together_count_one_each():
    labelled = replace(tokenized([3, 4, 5, 6]), importance=np.array([0.5, 1.5, 1.0, 1.0], dtype=np.float32))
    both = labelled.with_unlabelled(Tokenized(Ragged.of([np.array([7, 8, 9])] * 12), []))
    assert len(both) == len(both.labels) == len(both.importance) == 16
    assert both.importance.mean() == pytest.approx(1)
    assert both.importance[:4].tolist() == [2.0, 6.0, 4.0, 4.0]
    assert not both.importance[4:].any()
    assert both.input_ids[15].tolist() == [7, 8, 9]
    assert both.input_ids[2].tolist() == labelled.input_ids[2].tolist()
    pairs = replace(labelled, token_type_ids=labelled.input_ids)
    more = Tokenized(Ragged.of([np.array([7, 8])]), [], Ragged.of([np.array([0, 1])]))
    assert [len(row) for row in pairs.with_unlabelled(more).token_type_ids] == [3, 4, 5, 6, 2]


def test_a_part_has_the_rows_that_were_asked_for():
    whole = replace(tokenized([3, 4, 5]), importance=np.array([1.0, 2.0, 3.0], np.float32))
    pairs = replace(whole, token_type_ids=whole.input_ids)
    part = pairs.part(np.array([2, 0]))
    assert [row.tolist() for row in part.input_ids] == [[2] * 5, [0] * 3]
    assert (part.labels, part.importance.tolist()) == ([2, 0], [3.0, 1.0])
    assert [len(row) for row in part.token_type_ids] == [5, 3]
    assert whole.part(np.array([1])).token_type_ids is None
