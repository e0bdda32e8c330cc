"""Random numbers that nobody can foretell: AES-256 in counter mode (NIST SP 800-38A); the only file with a cipher.

A key is 256 bits of the system's entropy, belongs to one keystream and is kept in no attribute. Whoever sees some
numbers of a keystream cannot compute the others, and whoever sees the process later finds no key of an earlier one. The
counter has 128 bits, for blocks of two words each: no run reaches its period.
"""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_BYTES, NONCE_BYTES, WORD_BYTES = 32, 16, 8


class Keystream:
    """64-bit words, of which all values are equally likely.

    Args:
        test_key: numbers that can be repeated, for tests only: equal tuples give equal words, any others give unrelated
            ones.
    """

    def __init__(self, test_key: tuple[int, ...] | None = None) -> None:
        key = secrets.token_bytes(KEY_BYTES) if test_key is None else hashlib.sha256(repr(test_key).encode()).digest()
        self.encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(NONCE_BYTES))).encryptor()

    def fill(self, words: np.ndarray) -> None:
        """Overwrite an int64 array, in place, with the next words."""
        words.fill(0)
        place = memoryview(words).cast("B")  # type: ignore[arg-type] - numpy states no buffer before Python 3.12
        self.encryptor.update_into(place, place)

    def coins(self, count: int) -> np.ndarray:
        """Float64 in [0, 1), multiples of 2**-53."""
        words = np.empty(count, np.int64)
        self.fill(words)
        return (words.view(np.uint64) >> np.uint64(11)) * 2.0**-53
