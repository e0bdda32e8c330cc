from accel.model._tiny import VOCABULARY_SIZE, byte_tokenizer
from accel.model.tiny_bert import TinyBert


def test_every_byte_has_a_token_and_comes_back():
    tokenizer = byte_tokenizer(segments=True)
    text = "Ünïcode 航班 \t!"
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text.encode()) + 2
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert max(ids) < VOCABULARY_SIZE


def test_segments_only_where_the_model_has_them():
    assert "token_type_ids" in byte_tokenizer(segments=True)("a", "b")
    assert "token_type_ids" not in byte_tokenizer(segments=False)("a", "b")


def test_the_fingerprint_names_size_and_seed():
    assert TinyBert().fingerprint() != TinyBert(width=32).fingerprint() != TinyBert(weights_seed=1).fingerprint()
