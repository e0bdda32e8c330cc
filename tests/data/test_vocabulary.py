import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from accel.data.vocabulary import KINDS, count_tokens, trim
from accel.errors import RunError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
CORPUS = [f"the {a} {b} was very {c} {n}" for n, (a, b, c) in enumerate(
    (a, b, c)
    for a in ("late", "lovely", "longest", "lost", "loudest")
    for b in ("flight", "flights", "fleet", "flyer", "gate")
    for c in ("friendly", "frightening", "fresh", "slow", "slower")
)]  # fmt: skip
KEPT_TEXTS = CORPUS[:12]
OTHER_TEXTS = [*CORPUS[100:], "zebra quaggas", "é 漢字 🙂", ""]


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(vocab_size=160, special_tokens=SPECIAL)


def bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet)


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(vocab_size=120, special_tokens=SPECIAL, unk_token="[UNK]")


@pytest.fixture(params=[word_piece, bpe, unigram], ids=lambda f: f.__name__)
def tokenizer(request):
    inner, trainer = request.param()
    inner.train_from_iterator(CORPUS, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def pieces(tokenizer, texts):
    return [tokenizer.convert_ids_to_tokens(ids) for ids in tokenizer(texts)["input_ids"]]


def shortened_to(tokenizer, texts):
    return trim(tokenizer, {n for ids in tokenizer(texts)["input_ids"] for n in ids})


def test_kept_texts_are_cut_as_before(tokenizer):
    short = shortened_to(tokenizer, KEPT_TEXTS)
    assert len(short.kept) == len(short.tokenizer) < len(tokenizer)
    assert pieces(short.tokenizer, KEPT_TEXTS) == pieces(tokenizer, KEPT_TEXTS)


def test_new_ids_stand_for_the_same_pieces(tokenizer):
    short = shortened_to(tokenizer, KEPT_TEXTS)
    assert short.kept == sorted(short.kept)
    old = tokenizer.convert_ids_to_tokens(short.kept)
    assert short.tokenizer.convert_ids_to_tokens(list(range(len(short.kept)))) == old
    ids = short.tokenizer(KEPT_TEXTS, KEPT_TEXTS)["input_ids"]
    assert [[short.kept[n] for n in row] for row in ids] == tokenizer(KEPT_TEXTS, KEPT_TEXTS)["input_ids"]


def test_other_texts_fall_back_to_shorter_pieces(tokenizer):
    short = shortened_to(tokenizer, KEPT_TEXTS)
    before, after = tokenizer(OTHER_TEXTS)["input_ids"], short.tokenizer(OTHER_TEXTS)["input_ids"]
    assert sum(map(len, after)) > sum(map(len, before))
    unknown = [
        sum(row.count(t.unk_token_id) for row in rows) for t, rows in ((tokenizer, before), (short.tokenizer, after))
    ]
    assert unknown[1] <= unknown[0]
    for row_before, row_after in zip(before, after, strict=True):
        if tokenizer.unk_token_id not in row_before:
            decoded = [
                t.decode(row, skip_special_tokens=True)
                for t, row in ((tokenizer, row_before), (short.tokenizer, row_after))
            ]
            joined = [text.replace(" ", "").replace("##", "").replace("▁", "") for text in decoded]
            assert joined[0] == joined[1]


def test_a_merge_on_the_way_to_a_kept_piece_is_needed(monkeypatch):
    """Negative control: with the used pieces alone, BPE cannot build them any more."""
    inner, trainer = bpe()
    inner.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]")
    used = {n for ids in tokenizer(KEPT_TEXTS)["input_ids"] for n in ids}
    assert pieces(trim(tokenizer, used).tokenizer, KEPT_TEXTS) == pieces(tokenizer, KEPT_TEXTS)

    def only_used(model, needed):
        from accel.data.vocabulary import _keep_named

        names = {n: piece for piece, n in model["vocab"].items()}
        kept = _keep_named(model, needed | {n for n, piece in names.items() if len(piece) == 1})
        model["merges"] = [m for m in model["merges"] if all(p in model["vocab"] for p in (*m, "".join(m)))]
        return kept

    monkeypatch.setitem(KINDS, "BPE", only_used)
    assert pieces(trim(tokenizer, used).tokenizer, KEPT_TEXTS) != pieces(tokenizer, KEPT_TEXTS)


def test_added_tokens_stay(tokenizer):
    tokenizer.add_tokens([AddedToken("@united", normalized=False)])
    short = shortened_to(tokenizer, KEPT_TEXTS)
    assert "@united" in pieces(short.tokenizer, ["the @united flight"])[0]


def test_another_kind_of_tokenizer_is_named():
    class Python:
        all_special_ids = ()

        def save_pretrained(self, folder):
            pass

    with pytest.raises(RunError, match="cannot rewrite a tokenizer of the kind Python"):
        trim(Python(), {1})


def test_counts():
    assert count_tokens([np.array([1, 1, 3]), np.array([0])], 5).tolist() == [1, 2, 0, 1, 0]


def test_the_unknown_piece_of_a_unigram_model_has_a_new_number():
    """It need not be the first: in T5 and XLM-R others come before it."""
    pieces = [
        ["<pad>", 0.0],
        ["used", -1.0],
        ["gone", -2.0],
        ["a", -3.0],
        ["<unk>", 0.0],
        ["late", -4.0],
        ["<0x0A>", -5.0],
    ]
    model = {"type": "Unigram", "vocab": list(pieces), "unk_id": 4}
    assert KINDS["Unigram"](model, {0, 1}) == [0, 1, 3, 4, 6]
    assert [piece for piece, _ in model["vocab"]] == ["<pad>", "used", "a", "<unk>", "<0x0A>"]
    assert model["vocab"][model["unk_id"]] == ["<unk>", 0.0]
