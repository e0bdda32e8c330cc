"""The guarantee in words and figures, for the record and the report."""

from __future__ import annotations

import math
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from accel.privacy import meaning

if TYPE_CHECKING:
    from accel.dp.mechanism import Mechanism

RECORD, CLIENT = "record", "client"
"""What ``Mechanism.protects`` says."""

UNIT = {
    RECORD: "one record of the training split: a different text, or pair of texts, with its label; for a language "
    "model a different document, with all of its blocks",
    CLIENT: "one client of the run (an owner, with all records of the training split that it has, as they are dealt)",
}
ADJACENCY = {
    RECORD: "add or remove one record. A row more or less in the files changes at most one: rows that repeat a text "
    "are one record, and a text with two labels is none. Its own text and the seed decide its split, so no other row "
    "moves. In the training split it is what epsilon protects; in validation or test it trains nothing and changes "
    "only figures that are outside of the guarantee",
    CLIENT: "add or remove one client. Which records a client has is taken as given: rows that several clients share "
    "are one record, at one of them, so no other client may change with a client that comes or goes",
}
SAMPLING = {
    RECORD: "Poisson, an independent draw per record and step",
    CLIENT: "Poisson, an independent draw per client and round; who was drawn, and how many, is told nowhere",
}
TRUSTED = "the aggregator: it sees the updates that clients send, each by itself and without noise"
OUTSIDE: dict[str, tuple[str, ...]] = {
    RECORD: (
        "what is scored after training: figures of the validation and the test split, by which a search may choose",
        "the number of records, the label names and their counts, and how many texts were repeated or cut",
        "hyper-parameters chosen by looking at this data in other runs: add up their epsilons (see sweep.json)",
        "the weights and tokenizer of a hub's or a package's model, taken for public, and what privacy.public_data "
        "says is",
    )
}
OUTSIDE[CLIENT] = (TRUSTED, "how many clients there are", *OUTSIDE[RECORD])
WHILE_TRAINING = "figures logged while training: losses, shares of clipped gradients, the validation split's"
"""Outside of the guarantee too, where ``privacy.log_figures`` wants them."""

RANDOM_SOURCE = {
    False: "AES-256 in counter mode; for each step's noise and for each draw of records new keys of 256 bits from the "
    "system's entropy, kept nowhere; float64 noise, the noisy sum rounded to a grid that depends on the noise alone",
    True: "a test seed, which repeats noise and draws",
}
"""By whether the run is a test."""


def statement(mechanism: Mechanism, steps: int) -> dict[str, Any]:
    """``privacy`` in result.json; epsilon by both accountants."""
    from accel.dp.accountant import ACCOUNTANTS, epsilon_of

    unit = mechanism.protects
    spent = {
        name: epsilon_of(
            name,
            sigma=mechanism.noise_multiplier,
            sample_rate=mechanism.sample_rate,
            steps=steps,
            delta=mechanism.delta,
        )
        for name in ACCOUNTANTS
    }
    private = not mechanism.test_mode and math.isfinite(spent[mechanism.accountant])
    return {
        "private": private,
        "epsilon": _plain(spent[mechanism.accountant]) if private else None,
        "meaning": meaning(spent[mechanism.accountant]),
        "epsilon_rdp": _plain(spent["rdp"]),
        "epsilon_prv": _plain(spent["prv"]),
        **asdict(mechanism),
        "steps": steps,
        "steps_planned": mechanism.steps,
        "unit": UNIT[unit],
        "adjacency": ADJACENCY[unit],
        "sampling": SAMPLING[unit],
        "secure_rng": not mechanism.test_mode,
        "random_source": RANDOM_SOURCE[mechanism.test_mode],
        "accountant_version": f"opacus {version('opacus')}",
        "outside_the_guarantee": list(OUTSIDE[unit]),
    }


def _plain(value: float) -> float | None:
    """JSON has no infinity."""
    return round(value, 6) if math.isfinite(value) else None
