"""Seeds of what is drawn at random while training; no torch."""

from __future__ import annotations

import hashlib


def step_seed(seed: int, place: int, step: int) -> int:
    """A well mixed 63-bit seed: neighbouring steps and places in a step must not draw related numbers."""
    digest = hashlib.blake2b(f"{seed}/{place}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
