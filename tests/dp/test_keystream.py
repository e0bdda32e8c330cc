import inspect

import numpy as np
import pytest

from accel.dp import keystream
from accel.dp.keystream import KEY_BYTES, Keystream

# NIST SP 800-38A, F.5.5: AES-256 in counter mode, first block of key, counter and text.
NIST_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
NIST_COUNTER = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
NIST_KEYSTREAM = bytes.fromhex("0bdf7df1591716335e9a8b15c860c502")


def words(stream, count=1000):
    found = np.empty(count, np.int64)
    stream.fill(found)
    return found


def test_it_is_the_cipher_of_the_standard(monkeypatch):
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: NIST_KEY)
    monkeypatch.setattr(keystream.modes, "CTR", lambda nonce, original=keystream.modes.CTR: original(NIST_COUNTER))
    assert words(Keystream(), 2).tobytes() == NIST_KEYSTREAM


def test_every_key_has_256_fresh_bits_of_the_system(monkeypatch):
    asked = []
    original = keystream.secrets.token_bytes
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: asked.append(original(count)) or asked[-1])
    streams = [Keystream() for _ in range(50)]
    assert {len(key) for key in asked} == {KEY_BYTES} == {32}
    assert len({words(s).tobytes() for s in streams}) == len(set(asked)) == 50


def test_what_is_filled_is_no_part_of_what_was_there():
    stream, same = Keystream((1,)), Keystream((1,))
    used = np.full(1000, 12345, np.int64)
    stream.fill(used)
    assert np.array_equal(used, words(same))


def test_a_keystream_goes_on_and_does_not_repeat():
    stream = Keystream()
    assert len(np.unique(np.concatenate([words(stream, 1 << 15) for _ in range(4)]))) == 4 << 15


@pytest.mark.parametrize("shift", [32, 40, 64, 128, 255])
def test_all_bits_of_a_key_count(monkeypatch, shift):
    """Mersenne Twister seeded by torch took the low 32 alone."""
    found = []
    for key in (7, 7 + (1 << shift)):
        monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count, key=key: key.to_bytes(count, "little"))
        found.append(words(Keystream()))
    assert not np.any(found[0] == found[1])


def test_neighbouring_test_keys_are_unrelated():
    keys = [(1,), (2,), (1, 0), (1, 1), (11,), (1 + 2**32,)]
    found = np.array([words(Keystream(key), 20_000) for key in keys]) * 2.0**-63
    assert np.abs(np.corrcoef(found) - np.eye(len(keys))).max() < 0.04
    assert np.array_equal(words(Keystream((1, 1))), words(Keystream((1, 1))))


def test_coins_are_uniform_and_below_one(monkeypatch):
    coins = Keystream().coins(100_000)
    assert np.abs(np.histogram(coins, 20, (0, 1))[0] / 5000 - 1).max() < 0.08
    monkeypatch.setattr(Keystream, "fill", lambda self, words: words.fill(-1))
    assert Keystream().coins(1)[0] == 1 - 2.0**-53


def test_a_keystream_keeps_no_key(monkeypatch):
    """Of what the process can see; the cipher's own memory goes with the object."""
    secret = bytes(range(32))
    monkeypatch.setattr(keystream.secrets, "token_bytes", lambda count: secret)
    stream = Keystream()
    seen = repr(vars(stream)) + repr(inspect.getmembers(stream.encryptor))
    assert secret.hex() not in seen
    assert repr(secret) not in seen
    with pytest.raises(TypeError):
        __import__("pickle").dumps(stream)
